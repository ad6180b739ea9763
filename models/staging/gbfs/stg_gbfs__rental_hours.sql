{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('system_hours', 'rental_hours') }}
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
    from served_items
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
