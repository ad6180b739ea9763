-- One row per rule, object and UTC day, whatever found it.
with gaps as (
    select
        'R6' as rule_id,
        system_id,
        'feed' as object_kind,
        feed as object_id,
        cast(coalesce(ended_at, started_at) as date) as found_on,
        kind || ' for ' || coalesce(cast(round(minutes, 1) || ' minutes' as varchar), 'good')
        || coalesce(' (' || reason || ')', '') as evidence,
        case when kind = 'unpolled' then 'archive' end as whose,
        started_at as first_found_at,
        coalesce(ended_at, started_at) as last_found_at
    from {{ ref('fct_feed_gap') }}
    where kind in ('unpolled', 'unanswered')
),

gap_days as (
    select
        rule_id,
        system_id,
        object_kind,
        object_id,
        found_on,
        count(*) as occurrences,
        cast(null as bigint) as polls,
        cast(null as varchar) as fetch_id,
        arg_min(evidence, first_found_at) as evidence,
        case when count(*) = count(whose) then min(whose) end as whose,
        min(first_found_at) as first_found_at,
        max(last_found_at) as last_found_at
    from gaps
    group by rule_id, system_id, object_kind, object_id, found_on
),

breaches as (
    select * from gap_days
    union all by name
    select * exclude (built_at) from {{ ref('int_findings__feed_days') }}
    where rule_id is not null
    union all by name
    select * exclude (built_at) from {{ ref('int_findings__station_days') }}
    where rule_id is not null
    union all by name
    select * exclude (built_at) from {{ ref('int_findings__vehicle_days') }}
    where rule_id is not null
    union all by name
    select * from {{ ref('int_findings__listing_days') }}
    union all by name
    select * from {{ ref('int_findings__standing_days') }}
    union all by name
    select * from {{ ref('int_findings__trip_files') }}
    union all by name
    select * from {{ ref('int_findings__reconciliation_months') }}
),

-- a rule can be broken in two feeds at once
merged as (
    select
        rule_id,
        system_id,
        object_kind,
        object_id,
        found_on,
        least(max(occurrences), max(polls)) as occurrences,
        max(polls) as polls,
        min(fetch_id) as fetch_id,
        arg_min(evidence, coalesce(fetch_id, '')) as evidence,
        max(whose) as whose,
        min(first_found_at) as first_found_at,
        max(last_found_at) as last_found_at
    from breaches
    group by rule_id, system_id, object_kind, object_id, found_on
),

rules as (
    select * from {{ ref('quality_rules') }}
),

final as (
    select
        merged.rule_id,
        merged.system_id,
        merged.object_kind,
        merged.object_id,
        merged.found_on,
        case
            when
                merged.occurrences >= rules.severe_share * merged.polls
                and merged.occurrences >= rules.severe_polls
                then 'severe'
            else rules.severity
        end as severity,
        coalesce(merged.whose, rules.owner) as owner,
        merged.evidence,
        merged.fetch_id,
        merged.occurrences,
        merged.polls,
        merged.first_found_at,
        merged.last_found_at
    from merged
    inner join rules on merged.rule_id = rules.rule_id
)

select * from final
