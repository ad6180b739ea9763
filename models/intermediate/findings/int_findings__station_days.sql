{{ config(materialized='incremental', unique_key=['system_id', 'found_on']) }}

-- One row per rule, station and UTC day. A day on which nothing was broken keeps a row without a
-- rule: it tells that it was looked at. Recomputed: the days of a system computed anew.
with days as (
    select
        system_id,
        observed_on,
        max(observations) as polls
    from {{ ref('int_stations__days') }}
    where built_at > {{ seen_until() }}
    group by system_id, observed_on
),

breaches as (
    select * from {{ ref('int_findings__station_breaches') }}
    where built_at > {{ seen_until() }}
),

repeats as (
    select
        'R9' as rule_id,
        status.system_id,
        status.station_id,
        status.observed_on,
        1 as observations,
        status.fetch_id as first_fetch_id,
        'stands twice in the list' as evidence,
        status.observed_at as first_observed_at,
        status.observed_at as last_observed_at
    from {{ ref('stg_gbfs__station_status') }} as status
    inner join days
        on status.system_id = days.system_id and status.observed_on = days.observed_on
    where status.is_repeat and status.station_id is not null
),

broken as (
    select * exclude (built_at) from breaches
    union all by name
    select * from repeats
),

grouped as (
    select
        rule_id,
        system_id,
        station_id,
        observed_on,
        sum(observations) as occurrences,
        min(first_observed_at) as first_found_at,
        max(last_observed_at) as last_found_at,
        min(first_fetch_id) as fetch_id,
        arg_min(evidence, first_observed_at) as evidence
    from broken
    group by rule_id, system_id, station_id, observed_on
),

final as (
    select
        grouped.rule_id,
        days.system_id,
        'station' as object_kind,
        grouped.station_id as object_id,
        days.observed_on as found_on,
        cast(grouped.occurrences as bigint) as occurrences,
        cast(days.polls as bigint) as polls,
        grouped.fetch_id,
        grouped.evidence,
        grouped.first_found_at,
        grouped.last_found_at,
        {{ built_at() }} as built_at
    from days
    left join grouped
        on days.system_id = grouped.system_id and days.observed_on = grouped.observed_on
)

select * from final
