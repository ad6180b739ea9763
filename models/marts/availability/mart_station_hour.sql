{{
    config(
        materialized='incremental',
        unique_key=['system_id', 'service_on'],
        pre_hook="{{ forget_days_missing_in(ref('int_stations__service_hours')) }}",
    )
}}

-- Recomputed: the service days that silver computed anew.
with minutes as (
    select
        *,
        100 * observed_minutes / hour_minutes as coverage_pct
    from {{ ref('int_stations__service_hours') }}
    where built_at > {{ seen_until() }}
),

final as (
    select
        station_sk,
        system_id,
        station_id,
        service_on,
        service_hour,
        hour_starts_at,
        hour_minutes,
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
        {{ when_covered('vehicle_minutes / observed_minutes') }} as mean_vehicles_available,
        states,
        {{ built_at() }} as built_at
    from minutes
)

select * from final
