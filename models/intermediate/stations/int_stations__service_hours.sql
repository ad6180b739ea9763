{{
    config(
        materialized='incremental',
        unique_key=['system_id', 'service_on'],
        pre_hook="{{ forget_rezoned_systems(ref('dim_system')) }}",
    )
}}

-- Recomputed: the local days that the intervals computed anew can reach into. A local day lies
-- within its own UTC day and the two beside it, and an interval ends within half a day of its own.
-- A system whose days were forgotten, because it has another time zone now: all of its days.
with touched_days as (
    select distinct
        states.system_id,
        states.observed_on
    from {{ ref('fct_station_state') }} as states
    where
        states.built_at > {{ seen_until() }}
        or states.system_id not in ({{ systems_held() }})
),

service_days as (
    select distinct
        touched_days.system_id,
        cast(touched_days.observed_on + beside.distance as date) as service_on,
        systems.timezone
    from touched_days
    cross join (values (-1), (0), (1), (2)) as beside (distance)
    inner join {{ ref('dim_system') }} as systems on touched_days.system_id = systems.system_id
    where systems.is_registered and systems.is_current
),

-- 23, 24 or 25 hours
bounded as (
    select
        system_id,
        service_on,
        timezone,
        {{ local_midnight('service_on', 'timezone') }} as starts_at,
        {{ local_midnight('cast(service_on + 1 as date)', 'timezone') }} as ends_at
    from service_days
),

numbers as (
    select cast(unnest(range(26)) as integer) as number
),

hours as (
    select
        bounded.*,
        numbers.number as hour_number,
        bounded.starts_at + to_hours(numbers.number) as hour_starts_at,
        least(bounded.starts_at + to_hours(numbers.number + 1), bounded.ends_at) as hour_ends_at
    from bounded
    cross join numbers
    where bounded.starts_at + to_hours(numbers.number) < bounded.ends_at
),

days_read as (
    select
        bounded.*,
        cast(bounded.service_on + beside.distance as date) as observed_on
    from bounded
    cross join (values (-2), (-1), (0), (1)) as beside (distance)
),

pieces as (
    select
        states.*,
        days_read.service_on,
        days_read.starts_at as day_starts_at,
        greatest(states.started_at, days_read.starts_at) as piece_starts_at,
        least(states.ended_at, days_read.ends_at) as piece_ends_at,
        epoch_us(days_read.starts_at) as day_us
    from {{ ref('fct_station_state') }} as states
    inner join days_read
        on
            states.system_id = days_read.system_id
            and states.observed_on = days_read.observed_on
            and states.started_at < days_read.ends_at
            and (states.ended_at > days_read.starts_at or states.started_at = days_read.starts_at)
),

-- a piece counts in every hour that it reaches into; a lone observation, too, is a piece
numbered as (
    select
        *,
        (epoch_us(piece_starts_at) - day_us) // 3600000000 as first_hour,
        (epoch_us(piece_ends_at) - day_us - 1) // 3600000000 as last_hour
    from pieces
),

spread as (
    select
        *,
        cast(unnest(range(first_hour, greatest(first_hour, last_hour) + 1)) as integer)
            as hour_number
    from numbered
),

measured as (
    select
        *,
        not is_continued and started_at >= day_starts_at + to_hours(hour_number) as is_begun,
        least(epoch_us(piece_ends_at), day_us + 3600000000 * (hour_number + 1))
        - greatest(epoch_us(piece_starts_at), day_us + 3600000000 * hour_number) as microseconds
    from spread
),

summed as (
    select
        station_sk,
        system_id,
        station_id,
        service_on,
        hour_number,
        {{ minutes_where("state <> 'unknown'") }} as observed_minutes,
        {{ minutes_where("state in ('open', 'full')") }} as available_minutes,
        -- a station that tells no number of docks takes any number of vehicles
        {{ minutes_where(
            "state <> 'unknown' and coalesce(is_installed and is_returning, true)"
            ~ " and coalesce(docks_available, 1) > 0"
        ) }} as dock_available_minutes,
        {{ minutes_where("state = 'empty'") }} as empty_minutes,
        {{ minutes_where("state = 'full'") }} as full_minutes,
        {{ minutes_where("state = 'out_of_service'") }} as out_of_service_minutes,
        {{ minutes_where("state <> 'unknown' and is_stale") }} as stale_minutes,
        {{ minutes_where("state <> 'unknown' and is_operable") }} as operable_minutes,
        coalesce(sum(microseconds * vehicles_available), 0) / 60000000.0 as vehicle_minutes,
        cast(sum(case when is_begun then 1 else 0 end) as integer) as states
    from measured
    group by station_sk, system_id, station_id, service_on, hour_number
),

-- an hour in which a station was not seen, on a day on which it was, is a row too
stations as (
    select distinct
        station_sk,
        system_id,
        station_id,
        service_on
    from summed
),

final as (
    select
        stations.station_sk,
        stations.system_id,
        stations.station_id,
        stations.service_on,
        hours.timezone,
        hours.hour_number,
        hours.hour_starts_at,
        cast(
            extract(hour from (hours.hour_starts_at at time zone 'UTC') at time zone hours.timezone)
            as integer
        ) as service_hour,
        cast({{ seconds_between('hours.hour_starts_at', 'hours.hour_ends_at') }} / 60 as double)
            as hour_minutes,
        coalesce(summed.observed_minutes, 0) as observed_minutes,
        coalesce(summed.available_minutes, 0) as available_minutes,
        coalesce(summed.dock_available_minutes, 0) as dock_available_minutes,
        coalesce(summed.empty_minutes, 0) as empty_minutes,
        coalesce(summed.full_minutes, 0) as full_minutes,
        coalesce(summed.out_of_service_minutes, 0) as out_of_service_minutes,
        coalesce(summed.stale_minutes, 0) as stale_minutes,
        coalesce(summed.operable_minutes, 0) as operable_minutes,
        coalesce(summed.vehicle_minutes, 0) as vehicle_minutes,
        coalesce(summed.states, 0) as states,
        {{ built_at() }} as built_at
    from stations
    inner join hours
        on stations.system_id = hours.system_id and stations.service_on = hours.service_on
    left join summed
        on
            stations.system_id = summed.system_id
            and stations.station_id = summed.station_id
            and stations.service_on = summed.service_on
            and hours.hour_number = summed.hour_number
)

select * from final
