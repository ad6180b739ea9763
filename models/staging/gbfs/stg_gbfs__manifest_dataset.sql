{{ config(materialized='incremental') }}

with raw_documents as (
    select
        system_id,
        {{ gbfs_content_id("json_extract(body, '$.data')") }} as content_id,
        from_json(body, '{"data": {"datasets": ["JSON"]}}').data.datasets as items
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_served('manifest') }}
),

unnested as (
    select
        content_id,
        system_id,
        unnest(items) as item,
        generate_subscripts(items, 1) as list_position
    from raw_documents
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
    from unnested
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
