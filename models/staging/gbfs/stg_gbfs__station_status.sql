{{ config(materialized='incremental') }}

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
        expected_interval_s,
        fetched_at,
        from_json(
            bodies[1],
            '{"data": {"stations": [{
                "station_id": "VARCHAR",
                "num_bikes_available": "INTEGER", "num_vehicles_available": "INTEGER",
                "num_ebikes_available": "INTEGER",
                "num_bikes_disabled": "INTEGER", "num_vehicles_disabled": "INTEGER",
                "num_docks_available": "INTEGER", "num_docks_disabled": "INTEGER",
                "is_installed": "VARCHAR", "is_renting": "VARCHAR", "is_returning": "VARCHAR",
                "last_reported": "VARCHAR", "vehicle_types_available": "JSON"
            }]}}'
        ).data.stations as stations
    from documents
    where {{ newly_fetched('station_status') }}
),

listed as (
    select
        *,
        {{ ids_where_repeated('stations', 'station_id') }} as repeated_ids
    from raw_fetches
),

unnested as (
    select
        fetch_id,
        system_id,
        expected_interval_s,
        fetched_at,
        unnest(stations) as station,
        generate_subscripts(stations, 1) as list_position,
        repeated_ids
    from listed
),

final as (
    select
        fetch_id,
        cast(list_position as integer) as list_position,
        system_id,
        station.station_id as station_id,
        {{ gbfs_boolean('station.is_installed') }} as is_installed,
        {{ gbfs_boolean('station.is_renting') }} as is_renting,
        {{ gbfs_boolean('station.is_returning') }} as is_returning,
        coalesce(station.num_vehicles_available, station.num_bikes_available)
            as vehicles_available,
        station.num_ebikes_available as ebikes_available,
        coalesce(station.num_vehicles_disabled, station.num_bikes_disabled)
            as vehicles_disabled,
        station.num_docks_available as docks_available,
        station.num_docks_disabled as docks_disabled,
        station.vehicle_types_available as vehicle_types_available,
        coalesce(list_position(repeated_ids, station.station_id) < list_position, false)
            as is_repeat,
        expected_interval_s,
        {{ gbfs_timestamp('station.last_reported') }} as last_reported_at,
        cast(fetched_at at time zone 'UTC' as timestamp) as observed_at,
        cast(fetched_at at time zone 'UTC' as date) as observed_on,
        {{ built_at() }} as built_at
    from unnested
)

select * from final
