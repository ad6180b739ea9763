-- One row per rule, feed and UTC day: a feed that breaks a rule at every poll is one finding a day.
with breaches as (
    select * from {{ ref('int_findings__feed_breaches') }}
),

polls as (
    select
        system_id,
        feed,
        fetched_on,
        count(*) as polls
    from {{ ref('int_feeds__fetches_judged') }}
    group by system_id, feed, fetched_on
),

rules as (
    select * from {{ ref('quality_rules') }}
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
        min_by(fetch_id, fetch_id) as fetch_id,
        min_by(evidence, fetch_id) as evidence
    from breaches
    group by rule_id, system_id, feed, fetched_on
),

final as (
    select
        grouped.rule_id,
        grouped.system_id,
        rules.subject as object_kind,
        grouped.feed as object_id,
        grouped.fetched_on as found_on,
        case
            when
                grouped.occurrences >= rules.severe_share * polls.polls
                and grouped.occurrences >= rules.severe_polls
                then 'severe'
            else rules.severity
        end as severity,
        rules.owner,
        grouped.evidence,
        grouped.fetch_id,
        grouped.occurrences,
        polls.polls,
        grouped.first_found_at,
        grouped.last_found_at
    from grouped
    inner join rules on grouped.rule_id = rules.rule_id
    inner join polls
        on
            grouped.system_id = polls.system_id
            and grouped.feed = polls.feed
            and grouped.fetched_on = polls.fetched_on
)

select * from final
