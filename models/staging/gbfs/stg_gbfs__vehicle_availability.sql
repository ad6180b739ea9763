{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('vehicle_availability', 'vehicles') }}
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
    from served_items
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
