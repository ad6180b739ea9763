{{ config(materialized='incremental') }}

with raw_documents as (
    select
        system_id,
        {{ gbfs_content_id("json_extract(body, '$.data')") }} as content_id,
        from_json(body, '{"data": {"vehicles": ["JSON"]}}').data.vehicles as items
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_served('vehicle_availability') }}
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
                "vehicle_id": "VARCHAR", "vehicle_type_id": "VARCHAR",
                "station_id": "VARCHAR", "pricing_plan_id": "VARCHAR",
                "vehicle_equipment": "JSON", "availabilities": "JSON"
            }'
        ) as served
    from unnested
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        served.vehicle_id as vehicle_id,
        served.vehicle_type_id as vehicle_type_id,
        served.station_id as station_id,
        served.pricing_plan_id as pricing_plan_id,
        served.vehicle_equipment as vehicle_equipment,
        served.availabilities as availabilities,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
