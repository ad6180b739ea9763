{{ config(materialized='incremental', unique_key=['system_id', 'found_on']) }}

-- One row per rule, feed and UTC day: a feed that breaks a rule at every poll is one finding a day.
-- A day on which nothing was broken keeps a row without a rule: it tells that it was looked at.
-- Recomputed: the days of a system that were judged anew.
with days as (
    select
        system_id,
        feed,
        fetched_on,
        count(*) as polls
    from {{ ref('int_feeds__fetches_judged') }}
    where built_at > {{ seen_until() }}
    group by system_id, feed, fetched_on
),

breaches as (
    select * from {{ ref('int_findings__feed_breaches') }}
    where built_at > {{ seen_until() }}
),

grouped as (
    select
        rule_id,
        system_id,
        feed,
        fetched_on,
        count(*) as occurrences,
        min(fetched_at) as first_found_at,
        max(fetched_at) as last_found_at,
        min(fetch_id) as fetch_id,
        arg_min(evidence, fetch_id) as evidence
    from breaches
    group by rule_id, system_id, feed, fetched_on
),

final as (
    select
        grouped.rule_id,
        days.system_id,
        'feed' as object_kind,
        days.feed as object_id,
        days.fetched_on as found_on,
        grouped.occurrences,
        days.polls,
        grouped.fetch_id,
        grouped.evidence,
        grouped.first_found_at,
        grouped.last_found_at,
        {{ built_at() }} as built_at
    from days
    left join grouped
        on
            days.system_id = grouped.system_id
            and days.feed = grouped.feed
            and days.fetched_on = grouped.fetched_on
)

select * from final
