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
        days_read.timezone,
        not states.is_continued and states.started_at >= days_read.starts_at as is_begun,
        {{ seconds_between('days_read.starts_at', 'days_read.ends_at') }} / 60 as day_minutes,
        epoch_us(least(states.ended_at, days_read.ends_at))
        - epoch_us(greatest(states.started_at, days_read.starts_at)) as microseconds
    from {{ ref('fct_station_state') }} as states
    inner join days_read
        on
            states.system_id = days_read.system_id
            and states.observed_on = days_read.observed_on
            and states.started_at < days_read.ends_at
            and states.ended_at > days_read.starts_at
),

final as (
    select
        station_sk,
        system_id,
        station_id,
        service_on,
        timezone,
        cast(any_value(day_minutes) as double) as day_minutes,
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
        coalesce(sum(microseconds * vehicles_available), 0) / 60000000.0 as vehicle_minutes,
        coalesce(sum(microseconds * vehicles_disabled), 0) / 60000000.0
            as disabled_vehicle_minutes,
        cast(sum(case when is_begun then 1 else 0 end) as integer) as states,
        {{ built_at() }} as built_at
    from pieces
    group by station_sk, system_id, station_id, service_on, timezone
)

select * from final
