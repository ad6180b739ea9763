{{ config(materialized='incremental') }}

-- What is absurd is nothing: services write -9999 where they know nothing. The limits are those of
-- records on earth. A value in another unit than the one asked for is nothing either.
with raw_answers as (
    select
        request_id,
        system_id,
        fetched_at,
        landed_at,
        row_number() over (partition by request_id order by landed_at) as copy_number,
        case when json_valid(body) then body end as body
    from {{ source('weather', 'weather_hourly') }}
    where
        error is null
        and {{ newly_landed(source('weather', 'weather_hourly'), 'request_id') }}
),

read as (
    select
        * exclude (body),
        from_json(
            body,
            '{
                "utc_offset_seconds": "INTEGER",
                "hourly_units": {
                    "temperature_2m": "VARCHAR", "precipitation": "VARCHAR",
                    "wind_speed_10m": "VARCHAR", "relative_humidity_2m": "VARCHAR"
                },
                "hourly": {
                    "time": ["VARCHAR"], "temperature_2m": ["VARCHAR"],
                    "precipitation": ["VARCHAR"], "wind_speed_10m": ["VARCHAR"],
                    "relative_humidity_2m": ["VARCHAR"]
                }
            }'
        ) as served
    from raw_answers
    where copy_number = 1
),

positions as (
    select
        *,
        generate_subscripts(served.hourly.time, 1) as list_position
    from read
),

typed as (
    select
        request_id,
        list_position,
        system_id,
        fetched_at,
        landed_at,
        try_cast(served.hourly.time[list_position] as timestamp)
        - to_seconds(served.utc_offset_seconds) as hour_at,
        case
            when served.hourly_units.temperature_2m = '°C'
                then try_cast(served.hourly.temperature_2m[list_position] as double)
        end as temperature_c,
        case
            when served.hourly_units.precipitation = 'mm'
                then try_cast(served.hourly.precipitation[list_position] as double)
        end as precipitation_before_mm,
        case
            when served.hourly_units.wind_speed_10m = 'km/h'
                then try_cast(served.hourly.wind_speed_10m[list_position] as double)
        end as wind_kmh,
        case
            when served.hourly_units.relative_humidity_2m = '%'
                then try_cast(served.hourly.relative_humidity_2m[list_position] as double)
        end as humidity_pct
    from positions
),

-- of an hour that stands twice in a document the first counts
whole_hours as (
    select
        *,
        row_number() over (partition by request_id, hour_at order by list_position) as copy_number
    from typed
    where hour_at = date_trunc('hour', hour_at)
),

sane as (
    select
        request_id,
        system_id,
        hour_at,
        fetched_at,
        landed_at,
        case when temperature_c between -90 and 60 then temperature_c end as temperature_c,
        case when precipitation_before_mm between 0 and 500 then precipitation_before_mm end
            as precipitation_before_mm,
        case when wind_kmh between 0 and 450 then wind_kmh end as wind_kmh,
        case when humidity_pct between 0 and 100 then humidity_pct end as humidity_pct
    from whole_hours
    where copy_number = 1
),

-- what fell in an hour is told at its end
final as (
    select
        request_id,
        system_id,
        hour_at,
        cast(hour_at as date) as observed_on,
        cast(fetched_at at time zone 'UTC' as timestamp) < hour_at + interval 1 hour as is_forecast,
        temperature_c,
        case
            when lead(hour_at) over in_order = hour_at + interval 1 hour
                then lead(precipitation_before_mm) over in_order
        end as precipitation_mm,
        wind_kmh,
        humidity_pct,
        cast(fetched_at at time zone 'UTC' as timestamp) as issued_at,
        cast(landed_at at time zone 'UTC' as timestamp) as landed_at,
        {{ built_at() }} as built_at
    from sane
    window in_order as (partition by request_id order by hour_at)
)

select * from final
