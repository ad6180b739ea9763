-- What is not known of a month may all have been missed, or none of it: hence two bounds.
with rules as (
    select * from {{ ref('dim_sla_rule') }}
),

-- bikes and docks are two looks at the same time
cluster_time as (
    select
        sla_rule_sk,
        cast(date_trunc('month', service_on) as date) as month_on,
        {{ sum_of_minutes('window_minutes') }} / 2 as due_minutes,
        {{ sum_of_minutes('known_minutes') }} / 2 as known_minutes
    from {{ ref('int_clauses__cluster_days') }}
    group by sla_rule_sk, date_trunc('month', service_on)
),

cluster_outages as (
    select
        sla_rule_sk,
        cast(date_trunc('month', service_on) as date) as month_on,
        count(case when is_seen then 1 end) as outages_seen,
        bool_and(is_provable) as is_provable,
        {{ sum_of_minutes('beyond_grace_minutes_lo') }} as missed_minutes_lo,
        {{ sum_of_minutes('beyond_grace_minutes_hi') }} as missed_minutes_hi
    from {{ ref('fct_cluster_outage') }}
    group by sla_rule_sk, date_trunc('month', service_on)
),

clusters as (
    select
        cluster_time.sla_rule_sk,
        cluster_time.month_on,
        cluster_time.due_minutes,
        cluster_time.known_minutes,
        coalesce(cluster_outages.missed_minutes_lo, 0) as missed_minutes_lo,
        coalesce(cluster_outages.missed_minutes_hi, 0) as missed_minutes_hi,
        coalesce(cluster_outages.outages_seen, 0) as outages_seen,
        coalesce(cluster_outages.is_provable, true) as is_provable
    from cluster_time
    left join cluster_outages
        on
            cluster_time.sla_rule_sk = cluster_outages.sla_rule_sk
            and cluster_time.month_on = cluster_outages.month_on
),

shares as (
    select * from {{ ref('int_clauses__feed_months') }}
    union all
    select * from {{ ref('int_clauses__station_months') }}
    union all
    select * from {{ ref('int_clauses__order_months') }}
),

measured as (
    select
        sla_rule_sk,
        month_on,
        due_minutes,
        known_minutes,
        missed_minutes as missed_minutes_lo,
        missed_minutes + due_minutes - known_minutes as missed_minutes_hi,
        cast(null as bigint) as outages_seen,
        true as is_provable
    from shares
    union all
    select * from clusters
),

-- a feed that does not answer proves nothing of what riders could do: no money of it is certain
valued as (
    select
        rules.*,
        measured.month_on,
        measured.due_minutes,
        measured.known_minutes,
        case
            when rules.unit = 'percent' then least(measured.missed_minutes_lo, measured.due_minutes)
            else measured.missed_minutes_lo
        end as missed_minutes_lo,
        case
            when rules.unit = 'percent' then least(measured.missed_minutes_hi, measured.due_minutes)
            else measured.missed_minutes_hi
        end as missed_minutes_hi,
        measured.outages_seen,
        measured.is_provable,
        100 * measured.known_minutes / measured.due_minutes as coverage_pct,
        case rules.rate_per when 'hour' then rules.rate / 60 else rules.rate end as rate_per_minute
    from measured
    inner join rules on measured.sla_rule_sk = rules.sla_rule_sk
    where measured.due_minutes > 0
),

bounded as (
    select
        *,
        case
            when unit = 'minutes' then missed_minutes_lo
            when comparison = 'at_least' then 100 - 100 * missed_minutes_hi / due_minutes
            else 100 * missed_minutes_lo / due_minutes
        end as bound_lo,
        case
            when unit = 'minutes' then missed_minutes_hi
            when comparison = 'at_least' then 100 - 100 * missed_minutes_lo / due_minutes
            else 100 * missed_minutes_hi / due_minutes
        end as bound_hi,
        case when kind = 'feed_answering_share' then 0 else missed_minutes_lo end * rate_per_minute
            as money_lo,
        missed_minutes_hi * rate_per_minute as money_hi
    from valued
),

final as (
    select
        sla_rule_sk,
        system_id,
        rule_id,
        month_on,
        comparison,
        threshold,
        unit,
        cast(due_minutes as double) as due_minutes,
        cast(known_minutes as double) as known_minutes,
        cast(coverage_pct as double) as coverage_pct,
        cast(missed_minutes_lo as double) as missed_minutes_lo,
        cast(missed_minutes_hi as double) as missed_minutes_hi,
        cast(outages_seen as integer) as outages_seen,
        is_provable,
        cast({{ when_covered('bound_lo') }} as double) as value_lo,
        cast({{ when_covered('bound_hi') }} as double) as value_hi,
        case
            when coalesce(coverage_pct < 100 * {{ var('coverage_floor') }}, true) then 'undecided'
            when comparison = 'at_least' and bound_lo >= threshold then 'kept'
            when comparison = 'at_most' and bound_hi <= threshold then 'kept'
            when comparison = 'at_least' and bound_hi < threshold then 'missed'
            when comparison = 'at_most' and bound_lo > threshold then 'missed'
            else 'undecided'
        end as verdict,
        cast({{ when_covered('money_lo') }} as double) as damages_lo,
        cast({{ when_covered('money_hi') }} as double) as damages_hi,
        currency,
        is_illustrative
    from bounded
)

select * from final
