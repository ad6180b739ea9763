{{ config(materialized='incremental') }}

with raw_documents as (
    select
        system_id,
        {{ gbfs_content_id("json_extract(body, '$.data')") }} as content_id,
        from_json(body, '{"data": {"alerts": ["JSON"]}}').data.alerts as items
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_served('system_alerts') }}
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
                "alert_id": "VARCHAR", "type": "VARCHAR", "summary": "JSON",
                "description": "JSON", "url": "JSON", "times": "JSON",
                "station_ids": "JSON", "region_ids": "JSON", "last_updated": "VARCHAR"
            }'
        ) as served
    from unnested
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
