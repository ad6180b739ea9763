{{ config(materialized='incremental') }}

with raw_documents as (
    select
        system_id,
        {{ gbfs_content_id("json_extract(body, '$.data')") }} as content_id,
        from_json(body, '{"data": {"calendars": ["JSON"]}}').data.calendars as items
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_served('system_calendar') }}
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
                "start_month": "VARCHAR", "start_day": "VARCHAR",
                "start_year": "VARCHAR", "end_month": "VARCHAR", "end_day": "VARCHAR",
                "end_year": "VARCHAR"
            }'
        ) as served
    from unnested
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        try_cast(served.start_month as integer) as start_month,
        try_cast(served.start_day as integer) as start_day,
        try_cast(served.start_year as integer) as start_year,
        try_cast(served.end_month as integer) as end_month,
        try_cast(served.end_day as integer) as end_day,
        try_cast(served.end_year as integer) as end_year,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
