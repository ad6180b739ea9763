{{ config(materialized='view') }}

-- Each line of a trip file, typed by its own text and its family alone. A time stands for the
-- first and the last moment that it can mean: they differ in the hour that clocks show twice.
with lines as (
    select * from {{ ref('stg_trips__row') }}
),

files as (
    select * from {{ ref('int_trips__files') }}
),

clocks as (
    select * from {{ ref('int_trips__clocks') }}
),

timed as (
    select
        lines.*,
        files.timezone,
        files.duration_unit,
        {{ trip_utc_time('lines.started_at_text') }} as started_utc,
        {{ trip_utc_time('lines.ended_at_text') }} as ended_utc,
        case
            when {{ trip_utc_time('lines.started_at_text') }} is null
                then {{ trip_time('lines.started_at_text', 'files.day_first') }}
        end as started_local,
        case
            when {{ trip_utc_time('lines.ended_at_text') }} is null
                then {{ trip_time('lines.ended_at_text', 'files.day_first') }}
        end as ended_local
    from lines
    inner join files on lines.file_id = files.file_id
),

final as (
    select
        timed.file_id,
        timed.line,
        timed.system_id,
        timed.family,
        timed.timezone,
        timed.duration_unit,
        timed.ride_id,
        timed.started_at_text,
        timed.ended_at_text,
        timed.start_station_id,
        timed.start_station_name,
        timed.end_station_id,
        timed.end_station_name,
        timed.bike_id,
        timed.bike_type,
        timed.rider_type,
        timed.start_lat_text,
        timed.start_lng_text,
        timed.end_lat_text,
        timed.end_lng_text,
        timed.started_local,
        {{ trip_duration('timed.duration_text') }} as stated_duration,
        {{ trip_coordinate('timed.start_lat_text') }} as start_lat,
        {{ trip_coordinate('timed.start_lng_text') }} as start_lng,
        {{ trip_coordinate('timed.end_lat_text') }} as end_lat,
        {{ trip_coordinate('timed.end_lng_text') }} as end_lng,
        coalesce(clock_at_start.is_skipped, false)
        or coalesce(clock_at_end.is_skipped, false) as is_time_skipped,
        coalesce(
            timed.started_utc,
            clock_at_start.first_utc_at + (timed.started_local - clock_at_start.local_at)
        ) as first_started_at,
        coalesce(
            timed.started_utc,
            clock_at_start.last_utc_at + (timed.started_local - clock_at_start.local_at)
        ) as last_started_at,
        coalesce(
            timed.ended_utc, clock_at_end.first_utc_at + (timed.ended_local - clock_at_end.local_at)
        ) as first_ended_at,
        coalesce(
            timed.ended_utc, clock_at_end.last_utc_at + (timed.ended_local - clock_at_end.local_at)
        ) as last_ended_at
    from timed
    left join clocks as clock_at_start
        on
            timed.timezone = clock_at_start.timezone
            and time_bucket(interval 30 minute, timed.started_local) = clock_at_start.local_at
    left join clocks as clock_at_end
        on
            timed.timezone = clock_at_end.timezone
            and time_bucket(interval 30 minute, timed.ended_local) = clock_at_end.local_at
)

select * from final
