{{ config(materialized='incremental') }}

{%- set vehicle -%}
    {
        "vehicle_id": "VARCHAR", "bike_id": "VARCHAR", "vehicle_type_id": "VARCHAR",
        "station_id": "VARCHAR", "home_station_id": "VARCHAR", "pricing_plan_id": "VARCHAR",
        "is_reserved": "VARCHAR", "is_disabled": "VARCHAR", "lat": "VARCHAR", "lon": "VARCHAR",
        "current_range_meters": "VARCHAR", "current_fuel_percent": "VARCHAR",
        "vehicle_equipment": "JSON", "last_reported": "VARCHAR", "available_until": "VARCHAR"
    }
{%- endset %}

-- The body is a list of one, because after a join DuckDB gathers up to 2,048 rows, unless they hold
-- a list: read a row group at a time, as they are stored, bodies fit memory.
with documents as (
    select
        * exclude (body),
        [body] as bodies
    from {{ source('raw', 'gbfs_fetch') }}
),

-- the names of all versions stand in one structure: what a version lacks is null
raw_fetches as (
    select
        fetch_id,
        system_id,
        feed,
        expected_interval_s,
        fetched_at,
        from_json(
            bodies[1], '{"data": {"vehicles": [{{ vehicle }}], "bikes": [{{ vehicle }}]}}'
        ).data as listed
    from documents
    where {{ newly_fetched(['free_bike_status', 'vehicle_status']) }}
),

unnested as (
    select
        * exclude (listed),
        unnest(coalesce(nullif(listed.vehicles, []), listed.bikes)) as vehicle,
        generate_subscripts(coalesce(nullif(listed.vehicles, []), listed.bikes), 1)
            as list_position
    from raw_fetches
),

final as (
    select
        fetch_id,
        cast(list_position as integer) as list_position,
        system_id,
        feed,
        coalesce(vehicle.vehicle_id, vehicle.bike_id) as vehicle_id,
        vehicle.vehicle_type_id as vehicle_type_id,
        vehicle.station_id as station_id,
        vehicle.home_station_id as home_station_id,
        vehicle.pricing_plan_id as pricing_plan_id,
        {{ gbfs_boolean('vehicle.is_reserved') }} as is_reserved,
        {{ gbfs_boolean('vehicle.is_disabled') }} as is_disabled,
        vehicle.vehicle_equipment as vehicle_equipment,
        {{ finite('try_cast(vehicle.lat as double)') }} as lat,
        {{ finite('try_cast(vehicle.lon as double)') }} as lon,
        {{ finite('try_cast(vehicle.current_range_meters as double)') }} as current_range_m,
        {{ finite('try_cast(vehicle.current_fuel_percent as double)') }} as current_fuel_percent,
        expected_interval_s,
        {{ gbfs_timestamp('vehicle.last_reported') }} as last_reported_at,
        {{ gbfs_timestamp('vehicle.available_until') }} as available_until_at,
        cast(fetched_at at time zone 'UTC' as timestamp) as observed_at,
        cast(fetched_at at time zone 'UTC' as date) as observed_on,
        {{ built_at() }} as built_at
    from unnested
)

select * from final
