-- Type 2, from the contents of `system_regions`.
with versions as (
    {{ item_versions(
        'system_regions',
        ref('stg_gbfs__region'),
        'region_id',
        [
            'name'
        ]
    ) }}
),

items as (
    select * from {{ ref('stg_gbfs__region') }}
),

final as (
    select
        {{ surrogate_key(['versions.system_id', 'versions.region_id', 'versions.valid_from']) }}
            as region_version_sk,
        {{ surrogate_key(['versions.system_id', 'versions.region_id']) }} as region_sk,
        versions.system_id,
        versions.region_id,
        versions.version_number,
        items.name as region_name,
        versions.is_listed,
        versions.is_current,
        versions.valid_from,
        versions.valid_to
    from versions
    inner join items
        on
            versions.content_id = items.content_id
            and versions.list_position = items.list_position
)

select * from final
