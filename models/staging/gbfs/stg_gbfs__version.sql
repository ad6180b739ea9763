{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('gbfs_versions', 'versions') }}
),

read as (
    select
        *,
        from_json(
            item,
            '{
                "version": "VARCHAR", "url": "VARCHAR"
            }'
        ) as served
    from served_items
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        served.version as version_listed,
        served.url as url,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
