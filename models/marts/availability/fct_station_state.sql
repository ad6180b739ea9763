{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- Recomputed: the UTC days of a system that silver computed anew.
with intervals as (
    select
        *,
        vehicles_available + coalesce(vehicles_disabled, 0)
        + docks_available + coalesce(docks_disabled, 0) as docks
    from {{ ref('int_stations__state_intervals') }}
    where built_at > {{ seen_until() }}
),

final as (
    select
        {{ surrogate_key(['system_id', 'station_id']) }} as station_sk,
        system_id,
        station_id,
        case
            when not is_installed or not is_renting then 'out_of_service'
            when vehicles_available is null then 'unknown'
            when vehicles_available <= 0 then 'empty'
            when docks_available <= 0 then 'full'
            else 'open'
        end as state,
        is_installed,
        is_renting,
        is_returning,
        is_stale,
        -- a station that tells no number of docks is judged by its flags
        coalesce(is_installed and is_renting and is_returning, true)
        and coalesce(docks_disabled <= (1 - {{ var('operable_share') }}) * docks, true)
            as is_operable,
        is_continued,
        is_censored_left,
        is_censored_right,
        vehicles_available,
        ebikes_available,
        vehicles_disabled,
        docks_available,
        docks_disabled,
        cast(vehicle_types_available as varchar) as vehicle_types_available,
        cast(observations as integer) as observations,
        expected_interval_s,
        cast(
            {{ seconds_between(
                'first_observed_at', 'coalesce(next_observed_at, last_observed_at)'
            ) }} / 60 as double
        ) as duration_minutes,
        first_observed_at as started_at,
        coalesce(next_observed_at, last_observed_at) as ended_at,
        previous_observed_at,
        last_observed_at,
        earlier_seen_at,
        later_seen_at,
        observed_on,
        {{ built_at() }} as built_at
    from intervals
)

select * from final
