{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- An outage goes on from one interval to the next where no more than one poll was missed between
-- them; here within a UTC day. A day on which nothing was out keeps a row that says so, without a
-- state: it tells that the day was looked at.
-- Recomputed: the UTC days of a system that silver computed anew.
with states as (
    select * from {{ ref('fct_station_state') }}
    where built_at > {{ seen_until() }}
),

days as (
    select distinct
        system_id,
        observed_on
    from states
),

out as (
    select
        *,
        'out_of_service' as outage
    from states
    where state = 'out_of_service'
    union all
    select
        *,
        'empty' as outage
    from states
    where state = 'empty'
    union all
    select
        *,
        'full' as outage
    from states
    where state = 'full'
    union all
    select
        *,
        'stale' as outage
    from states
    where is_stale
),

compared as (
    select
        *,
        not coalesce(
            lag(last_observed_at) over in_order = previous_observed_at
            and {{ is_one_outage('previous_observed_at', 'started_at') }},
            false
        ) as is_first
    from out
    window in_order as (partition by system_id, station_id, outage order by started_at)
),

numbered as (
    select
        *,
        count(case when is_first then 1 end) over (
            partition by system_id, station_id, outage
            order by started_at
            rows between unbounded preceding and current row
        ) as piece_number
    from compared
),

pieces as (
    select
        system_id,
        station_id,
        observed_on,
        outage,
        sum(observations) as observations,
        min(started_at) as first_observed_at,
        max(last_observed_at) as last_observed_at,
        arg_min_null(previous_observed_at, started_at) as previous_observed_at,
        arg_min_null(earlier_seen_at, started_at) as earlier_seen_at,
        arg_max_null(later_seen_at, started_at) as later_seen_at,
        arg_min(expected_interval_s, started_at) as expected_interval_s
    from numbered
    group by system_id, station_id, observed_on, outage, piece_number
),

final as (
    select
        days.system_id,
        days.observed_on,
        pieces.station_id,
        pieces.outage,
        pieces.observations,
        pieces.first_observed_at,
        pieces.last_observed_at,
        pieces.previous_observed_at,
        pieces.earlier_seen_at,
        pieces.later_seen_at,
        pieces.expected_interval_s,
        {{ built_at() }} as built_at
    from days
    left join pieces
        on days.system_id = pieces.system_id and days.observed_on = pieces.observed_on
)

select * from final
