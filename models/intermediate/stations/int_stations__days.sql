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
        system_id,
        station_id,
        observed_on,
        cast(sum(observations) as integer) as observations,
        cast(count(*) filter (where not is_continued) as integer) as changes,
        arg_min(is_continued, first_observed_at) as is_continued_in,
        min(docks) as docks_least,
        max(docks) as docks_most,
        min(first_observed_at) filter (where not is_continued) as first_changed_at,
        max(first_observed_at) filter (where not is_continued) as last_changed_at,
        min(first_observed_at) as first_observed_at,
        max(last_observed_at) as last_observed_at,
        min(first_fetch_id) as first_fetch_id,
        {{ built_at() }} as built_at
    from intervals
    group by system_id, station_id, observed_on
)

select * from final
