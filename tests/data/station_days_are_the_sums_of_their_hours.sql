-- A station's day is nothing but the sum of its hours, which fill it from midnight to midnight
-- without a hole. Sums of floats depend on their order: a thousandth of a minute is let through.
with hours as (
    select
        station_sk,
        service_on,
        sum(hour_minutes) as day_minutes,
        sum(observed_minutes) as observed_minutes,
        sum(available_minutes) as available_minutes,
        sum(dock_available_minutes) as dock_available_minutes,
        sum(empty_minutes) as empty_minutes,
        sum(full_minutes) as full_minutes,
        sum(out_of_service_minutes) as out_of_service_minutes,
        sum(stale_minutes) as stale_minutes,
        sum(operable_minutes) as operable_minutes,
        sum(vehicle_minutes) as vehicle_minutes,
        sum(states) as states,
        {{ seconds_between('min(hour_starts_at)', 'max(hour_starts_at)') }} / 60
        + arg_max(hour_minutes, hour_starts_at) as minutes_spanned
    from {{ ref('mart_station_hour') }}
    group by station_sk, service_on
),

days as (
    select * from {{ ref('mart_station_day') }}
),

final as (
    select
        station_sk,
        service_on
    from hours
    full outer join days using (station_sk, service_on)
    where (
        abs(hours.day_minutes - days.day_minutes) < 0.001
        and abs(hours.minutes_spanned - days.day_minutes) < 0.001
        and abs(hours.observed_minutes - days.observed_minutes) < 0.001
        and abs(hours.available_minutes - days.available_minutes) < 0.001
        and abs(hours.dock_available_minutes - days.dock_available_minutes) < 0.001
        and abs(hours.empty_minutes - days.empty_minutes) < 0.001
        and abs(hours.full_minutes - days.full_minutes) < 0.001
        and abs(hours.out_of_service_minutes - days.out_of_service_minutes) < 0.001
        and abs(hours.stale_minutes - days.stale_minutes) < 0.001
        and abs(hours.operable_minutes - days.operable_minutes) < 0.001
        and abs(hours.vehicle_minutes - days.vehicle_minutes) < 0.001
        and hours.states = days.states
    ) is not true
)

select * from final
