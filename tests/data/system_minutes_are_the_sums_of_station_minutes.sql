-- A system's day is nothing but the sum of its stations' days, whichever of them a build replaced.
-- Float sums depend on their order: a thousandth of a minute is let through.
with station_days as (
    select
        system_id,
        service_on,
        count(*) as stations,
        sum(day_minutes) as station_minutes,
        sum(observed_minutes) as observed_minutes,
        sum(available_minutes) as available_minutes,
        sum(dock_available_minutes) as dock_available_minutes,
        sum(empty_minutes) as empty_minutes,
        sum(full_minutes) as full_minutes,
        sum(out_of_service_minutes) as out_of_service_minutes,
        sum(stale_minutes) as stale_minutes,
        sum(operable_minutes) as operable_minutes,
        sum(vehicle_minutes) as vehicle_minutes
    from {{ ref('mart_station_day') }}
    group by system_id, service_on
),

system_days as (
    select * from {{ ref('mart_system_day') }}
),

final as (
    select
        system_id,
        service_on
    from station_days
    full outer join system_days using (system_id, service_on)
    where (
        station_days.stations = system_days.stations
        and abs(station_days.station_minutes - system_days.station_minutes) < 0.001
        and abs(station_days.observed_minutes - system_days.observed_minutes) < 0.001
        and abs(station_days.available_minutes - system_days.available_minutes) < 0.001
        and abs(station_days.dock_available_minutes - system_days.dock_available_minutes) < 0.001
        and abs(station_days.empty_minutes - system_days.empty_minutes) < 0.001
        and abs(station_days.full_minutes - system_days.full_minutes) < 0.001
        and abs(station_days.out_of_service_minutes - system_days.out_of_service_minutes) < 0.001
        and abs(station_days.stale_minutes - system_days.stale_minutes) < 0.001
        and abs(station_days.operable_minutes - system_days.operable_minutes) < 0.001
        and abs(station_days.vehicle_minutes - system_days.vehicle_minutes) < 0.001
    ) is not true
)

select * from final
