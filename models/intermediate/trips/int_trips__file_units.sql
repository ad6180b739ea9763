{{ config(materialized='incremental', unique_key=['file_id']) }}

-- In what a file states durations, and where its rides are. Files of one family differ by a factor
-- of 1000 under one header: what most rides of the file agree with between start and end counts.
-- Recomputed: files that have not been looked at; a file never changes.
with lines as (
    select * from {{ ref('int_trips__rows_parsed') }}
    where {{ unread_files() }}
),

compared as (
    select
        file_id,
        timezone,
        duration_unit,
        stated_duration / nullif(epoch(first_ended_at - first_started_at), 0) as ratio,
        case when abs(start_lat) <= 90 then nullif(start_lat, 0) end as lat,
        case when abs(start_lng) <= 180 then nullif(start_lng, 0) end as lng
    from lines
),

counted as (
    select
        file_id,
        timezone,
        duration_unit,
        count(*) filter (where ratio between 0.9 and 1.1) as in_seconds,
        count(*) filter (where ratio between 900 and 1100) as in_milliseconds,
        count(*) filter (where ratio between 0.015 and 0.0185) as in_minutes,
        median(lat) as near_lat,
        median(lng) as near_lng
    from compared
    group by file_id, timezone, duration_unit
),

final as (
    select
        file_id,
        timezone,
        cast(case
            when in_seconds > greatest(in_milliseconds, in_minutes) then 1
            when in_milliseconds > in_minutes then 0.001
            when in_minutes > 0 then 60
            when duration_unit = 'ms' then 0.001
            when duration_unit = 'min' then 60
            else 1
        end as double) as seconds_in_unit,
        near_lat,
        near_lng
    from counted
)

select * from final
