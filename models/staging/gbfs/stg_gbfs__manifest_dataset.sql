{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('manifest', 'datasets') }}
),

read as (
    select
        *,
        from_json(
            item,
            '{
                "system_id": "VARCHAR", "country_code": "VARCHAR", "area": "JSON",
                "versions": "JSON"
            }'
        ) as served
    from served_items
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        served.system_id as dataset_system_id,
        served.country_code as country_code,
        cast(served.area as varchar) as area,
        served.versions as versions,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
