{{ config(materialized='incremental') }}

with raw_documents as (
    select
        system_id,
        {{ gbfs_content_id("json_extract(body, '$.data')") }} as content_id,
        from_json(body, '{"data": {"regions": ["JSON"]}}').data.regions as items
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_served('system_regions') }}
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
                "region_id": "VARCHAR", "name": "JSON"
            }'
        ) as served
    from unnested
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
