{{
    config(
        materialized='incremental',
        unique_key=['system_id', 'service_on'],
        pre_hook="{{ forget_days_missing_in(ref('mart_station_day')) }}",
    )
}}

-- Shares come from sums of minutes, never from averages of averages.
with station_days as (
    select * from {{ ref('mart_station_day') }}
    where built_at > {{ seen_until() }}
),

summed as (
    select
        system_id,
        service_on,
        cast(count(*) as integer) as stations,
        {{ sum_of_minutes('day_minutes') }} as station_minutes,
        {{ sum_of_minutes('observed_minutes') }} as observed_minutes,
        {{ sum_of_minutes('available_minutes') }} as available_minutes,
        {{ sum_of_minutes('dock_available_minutes') }} as dock_available_minutes,
        {{ sum_of_minutes('empty_minutes') }} as empty_minutes,
        {{ sum_of_minutes('full_minutes') }} as full_minutes,
        {{ sum_of_minutes('out_of_service_minutes') }} as out_of_service_minutes,
        {{ sum_of_minutes('stale_minutes') }} as stale_minutes,
        {{ sum_of_minutes('operable_minutes') }} as operable_minutes,
        {{ sum_of_minutes('vehicle_minutes') }} as vehicle_minutes
    from station_days
    group by system_id, service_on
),

covered as (
    select
        *,
        100 * observed_minutes / station_minutes as coverage_pct
    from summed
),

final as (
    select
        system_id,
        service_on,
        stations,
        station_minutes,
        observed_minutes,
        coverage_pct,
        available_minutes,
        dock_available_minutes,
        empty_minutes,
        full_minutes,
        out_of_service_minutes,
        stale_minutes,
        operable_minutes,
        vehicle_minutes,
        {{ when_covered('100 * available_minutes / observed_minutes') }} as availability_pct,
        {{ when_covered('100 * dock_available_minutes / observed_minutes') }}
            as dock_availability_pct,
        {{ when_covered('100 * operable_minutes / observed_minutes') }} as operability_pct,
        {{ when_covered('stations * vehicle_minutes / observed_minutes') }}
            as mean_fleet_available,
        {{ built_at() }} as built_at
    from covered
)

select * from final
