{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('system_alerts', 'alerts') }}
),

read as (
    select
        *,
        from_json(
            item,
            '{
                "alert_id": "VARCHAR", "type": "VARCHAR", "summary": "JSON",
                "description": "JSON", "url": "JSON", "times": "JSON",
                "station_ids": "JSON", "region_ids": "JSON", "last_updated": "VARCHAR"
            }'
        ) as served
    from served_items
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        served.alert_id as alert_id,
        lower(served.type) as alert_type,
        {{ gbfs_text('served.summary') }} as summary,
        {{ gbfs_text('served.description') }} as description,
        {{ gbfs_text('served.url') }} as url,
        served.times as times,
        served.station_ids as station_ids,
        served.region_ids as region_ids,
        {{ gbfs_timestamp('served.last_updated') }} as last_updated_at,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
