{{ config(materialized='incremental', unique_key=['file_id']) }}

-- Each line of a trip file as a ride: moments in UTC, ids and places repaired where it is certain.
-- Recomputed: files that have not been read, or not in the zone that counts now; none other, for
-- a file never changes and its rides are read by themselves.
with lines as (
    select * from {{ ref('int_trips__rows_parsed') }}
    where {{ unread_files() }}
),

units as (
    select * from {{ ref('int_trips__file_units') }}
),

labels as (
    select * from {{ ref('trip_rider_labels') }}
),

measured as (
    select
        lines.*,
        units.near_lat,
        units.near_lng,
        lines.stated_duration * units.seconds_in_unit as stated_s
    from lines
    inner join units on lines.file_id = units.file_id
),

-- the hour that clocks show twice: each way to read both times
readings as (
    select
        file_id,
        line,
        stated_s,
        unnest([first_started_at, last_started_at, first_started_at, last_started_at])
            as started_at,
        unnest([first_ended_at, last_ended_at, last_ended_at, first_ended_at]) as ended_at
    from measured
    where first_started_at <> last_started_at or first_ended_at <> last_ended_at
),

weighed as (
    select distinct
        file_id,
        line,
        started_at,
        ended_at,
        epoch(ended_at - started_at) as elapsed_s,
        case
            when stated_s is null
                then epoch(ended_at - started_at) between 0 and {{ var('longest_trip_s') }}
            else abs(epoch(ended_at - started_at) - stated_s) <= {{ var('duration_tolerance_s') }}
        end as is_fitting
    from readings
),

-- where several fit, or none, the shortest that does not run backwards, and of these the earliest
settled as (
    select
        file_id,
        line,
        count(*) filter (where is_fitting) = 1 as is_resolved,
        arg_min(
            struct_pack(started_at := started_at, ended_at := ended_at),
            (not is_fitting, elapsed_s < 0, elapsed_s, started_at)
        ) as reading
    from weighed
    group by file_id, line
),

timed as (
    select
        measured.*,
        coalesce(settled.reading.started_at, measured.first_started_at) as started_at,
        coalesce(settled.reading.ended_at, measured.first_ended_at) as ended_at,
        measured.is_time_skipped
        or not coalesce(settled.is_resolved, true) as is_time_ambiguous
    from measured
    left join settled on measured.file_id = settled.file_id and measured.line = settled.line
),

final as (
    select
        timed.file_id,
        timed.line,
        timed.timezone,
        timed.system_id,
        {{ surrogate_key([
            'timed.system_id',
            "coalesce(" ~ trip_id('timed.ride_id') ~ ", concat_ws('|', timed.started_at_text,"
            ~ " timed.ended_at_text, timed.stated_duration, timed.start_station_id,"
            ~ " timed.end_station_id, timed.bike_id))"
        ]) }} as trip_id,
        {{ trip_id('timed.ride_id') }} as ride_id,
        {{ trip_id('timed.start_station_id') }} as start_station_id,
        timed.start_station_name,
        {{ trip_id('timed.end_station_id') }} as end_station_id,
        timed.end_station_name,
        timed.bike_id,
        timed.bike_type,
        labels.rider_type,
        {{ trip_degrees('timed.start_lat', 90, 'timed.near_lat') }} as start_lat,
        {{ trip_degrees('timed.start_lng', 180, 'timed.near_lng') }} as start_lng,
        {{ trip_degrees('timed.end_lat', 90, 'timed.near_lat') }} as end_lat,
        {{ trip_degrees('timed.end_lng', 180, 'timed.near_lng') }} as end_lng,
        timed.is_time_ambiguous,
        case
            when timed.started_at is null
                then 'started_at is ' || coalesce('"' || timed.started_at_text || '"', 'missing')
            when timed.ended_at is null
                then 'ended_at is ' || coalesce('"' || timed.ended_at_text || '"', 'missing')
        end as unread_time,
        case
            when {{ is_cut_id('timed.ride_id') }} then 'ride_id is ' || timed.ride_id
            when {{ is_cut_id('timed.start_station_id') }}
                then 'start_station_id is ' || timed.start_station_id
            when {{ is_cut_id('timed.end_station_id') }}
                then 'end_station_id is ' || timed.end_station_id
        end as cut_id,
        case
            when {{ is_no_place('timed.start_lat', 'timed.start_lng') }}
                then 'the start is at ' || timed.start_lat_text || ', ' || timed.start_lng_text
            when {{ is_no_place('timed.end_lat', 'timed.end_lng') }}
                then 'the end is at ' || timed.end_lat_text || ', ' || timed.end_lng_text
        end as odd_place,
        case
            when
                abs(timed.stated_s - epoch(timed.ended_at - timed.started_at))
                <= {{ var('duration_tolerance_s') }}
                then timed.stated_s
            else epoch(timed.ended_at - timed.started_at)
        end as duration_s,
        timed.started_at,
        timed.ended_at,
        coalesce(
            cast(timed.started_local as date),
            cast((timed.started_at at time zone 'UTC') at time zone timed.timezone as date)
        ) as service_on
    from timed
    left join labels on lower(timed.rider_type) = labels.label
)

select * from final
