{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- Flows by the hour and of all types, to be held against other sources.
-- Recomputed: the UTC days on which flows were computed anew.
with flows as (
    select * from {{ ref('fct_station_flow_15m') }}
    where built_at > {{ seen_until() }}
),

quarters as (
    select
        station_sk,
        system_id,
        observed_on,
        starts_at,
        min(coverage_pct) as coverage_pct,
        {{ sum_of_counts('dep_raw') }} as dep_raw,
        {{ sum_of_counts('dep_cal') }} as dep_cal,
        {{ sum_of_counts('cal_error') }} as cal_error
    from flows
    group by station_sk, system_id, observed_on, starts_at
),

final as (
    select
        station_sk,
        system_id,
        observed_on,
        date_trunc('hour', starts_at) as starts_at,
        {{ sum_of_counts('coverage_pct') }} / 4 >= 100 * {{ var('coverage_floor') }} as is_seen,
        {{ sum_of_counts('dep_raw') }} as dep_raw,
        {{ sum_of_counts('dep_cal') }} as dep_cal,
        {{ sum_of_counts('cal_error') }} as cal_error,
        {{ built_at() }} as built_at
    from quarters
    group by station_sk, system_id, observed_on, date_trunc('hour', starts_at)
)

select * from final
