{{ config(materialized='incremental') }}

with raw_fetches as (
    select
        *,
        from_json(
            body,
            '{"data": {"stations": [{
                "station_id": "VARCHAR", "name": "JSON", "short_name": "JSON",
                "lat": "DOUBLE", "lon": "DOUBLE", "capacity": "INTEGER",
                "region_id": "VARCHAR", "address": "VARCHAR", "post_code": "VARCHAR",
                "is_virtual_station": "VARCHAR"
            }]}}'
        ).data.stations as stations
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_fetched('station_information') }}
),

unnested as (
    select
        fetch_id,
        system_id,
        fetched_at,
        unnest(stations) as station,
        generate_subscripts(stations, 1) as list_position
    from raw_fetches
),

final as (
    select
        fetch_id,
        cast(list_position as integer) as list_position,
        system_id,
        station.station_id as station_id,
        {{ gbfs_text('station.short_name') }} as short_name,
        {{ gbfs_text('station.name') }} as name,
        station.region_id as region_id,
        station.address as address,
        station.post_code as post_code,
        {{ gbfs_boolean('station.is_virtual_station') }} as is_virtual,
        station.lat as lat,
        station.lon as lon,
        station.capacity as capacity,
        cast(fetched_at at time zone 'UTC' as timestamp) as observed_at,
        {{ built_at() }} as built_at
    from unnested
)

select * from final
