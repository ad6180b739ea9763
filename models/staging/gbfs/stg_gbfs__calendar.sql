{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('system_calendar', 'calendars') }}
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
    from served_items
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
