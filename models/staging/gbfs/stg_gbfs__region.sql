{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('system_regions', 'regions') }}
),

read as (
    select
        *,
        from_json(
            item,
            '{
                "region_id": "VARCHAR", "name": "JSON"
            }'
        ) as served
    from served_items
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        served.region_id as region_id,
        {{ gbfs_text('served.name') }} as name,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
