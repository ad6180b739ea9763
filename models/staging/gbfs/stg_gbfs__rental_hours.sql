{{ config(materialized='incremental') }}

with raw_documents as (
    select
        system_id,
        {{ gbfs_content_id("json_extract(body, '$.data')") }} as content_id,
        from_json(body, '{"data": {"rental_hours": ["JSON"]}}').data.rental_hours as items
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_served('system_hours') }}
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
                "user_types": "JSON", "user_type": "JSON", "days": "JSON",
                "start_time": "VARCHAR", "end_time": "VARCHAR"
            }'
        ) as served
    from unnested
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        coalesce(served.user_types, served.user_type) as user_types,
        served.days as days,
        served.start_time as start_time,
        served.end_time as end_time,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
