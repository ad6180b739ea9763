-- In every minute that is known a station has a vehicle to rent, or is empty, or out of service:
-- these three add up to what was observed. Full is a part of the first; stale and operable are of
-- any state.
with station_days as (
    select * from {{ ref('mart_station_day') }}
),

final as (
    select
        station_sk,
        service_on,
        observed_minutes,
        available_minutes,
        empty_minutes,
        full_minutes,
        out_of_service_minutes,
        dock_available_minutes,
        stale_minutes,
        operable_minutes
    from station_days
    where (
        abs(
            available_minutes + empty_minutes + out_of_service_minutes - observed_minutes
        ) < 0.001
        and full_minutes <= available_minutes + 0.001
        and dock_available_minutes <= observed_minutes + 0.001
        and stale_minutes <= observed_minutes + 0.001
        and operable_minutes <= observed_minutes - out_of_service_minutes + 0.001
    ) is not true
)

select * from final
