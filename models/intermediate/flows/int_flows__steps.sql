{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- What changed at a station from one observation to the next. A step is told only where both say
-- something credible, no more than half an hour apart: bikes that come or go leave or take docks,
-- a station that is stale tells how it was before, and so does a feed that stood still.
-- Recomputed: the UTC days of a system that silver computed anew. The first step of a day looks
-- at the day before, with which silver computes the day anew, too.
with touched_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('fct_station_state') }}
    where built_at > {{ seen_until() }}
),

days_read as (
    select distinct
        touched_days.system_id,
        cast(touched_days.observed_on + beside.distance as date) as observed_on
    from touched_days
    cross join (values (-1), (0)) as beside (distance)
),

-- polls at which the feed said what it had said long ago
outdated_polls as (
    select distinct
        judged.system_id,
        judged.fetched_at
    from {{ ref('int_feeds__fetches_judged') }} as judged
    inner join days_read
        on
            judged.system_id = days_read.system_id
            and judged.fetched_on = days_read.observed_on
    where judged.feed = 'station_status' and judged.feed_condition is not null
),

states as (
    select
        states.*,
        states.vehicles_available + coalesce(states.vehicles_disabled, 0) as vehicles,
        states.docks_available + coalesce(states.docks_disabled, 0) as docks,
        states.vehicles_available >= 0 and not states.is_stale as is_credible,
        case
            when
                {{ gbfs_sum_of_counts('states.vehicle_types_available') }}
                = states.vehicles_available
                then states.vehicle_types_available
        end as listed_types
    from {{ ref('fct_station_state') }} as states
    inner join days_read
        on
            states.system_id = days_read.system_id
            and states.observed_on = days_read.observed_on
),

compared as (
    select
        *,
        lag(last_observed_at) over in_order = previous_observed_at
        and is_credible
        and lag(is_credible) over in_order
        and {{ seconds_between('previous_observed_at', 'started_at') }} <= {{ var('flow_gap_s') }}
        and coalesce(
            abs(vehicles + docks - lag(vehicles + docks) over in_order)
            <= {{ var('capacity_tolerance') }},
            true
        ) as is_credible_step,
        vehicles - lag(vehicles) over in_order as vehicles_delta,
        coalesce(vehicles_disabled, 0) - lag(coalesce(vehicles_disabled, 0)) over in_order
            as disabled_delta,
        lag(listed_types) over in_order as types_before
    from states
    window in_order as (partition by station_sk order by started_at)
),

final as (
    select
        compared.station_sk,
        compared.system_id,
        compared.station_id,
        compared.observed_on,
        coalesce(compared.is_credible_step and outdated_polls.system_id is null, false) as is_told,
        -- between its first and last observation nothing changed that polls could see
        compared.is_credible
        and {{ seconds_between('compared.started_at', 'compared.last_observed_at') }}
        <= (compared.observations - 1) * {{ var('flow_gap_s') }} as is_steady_told,
        compared.vehicles_delta,
        compared.disabled_delta,
        compared.types_before,
        compared.listed_types as types_after,
        compared.observations,
        compared.previous_observed_at,
        compared.started_at,
        compared.last_observed_at,
        {{ built_at() }} as built_at
    from compared
    inner join touched_days
        on
            compared.system_id = touched_days.system_id
            and compared.observed_on = touched_days.observed_on
    left join outdated_polls
        on
            compared.system_id = outdated_polls.system_id
            and compared.previous_observed_at = outdated_polls.fetched_at
)

select * from final
