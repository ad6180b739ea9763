-- A run of time in which no member surely had any: as long as it is, the outage may have lasted;
-- for the stretches of it in which all members surely had none it did last. A run ends where a
-- member surely had one, if only for a moment, and at the ends of the rule's window. Runs of one
-- rule and cluster do not overlap, so both bounds add up.
with windows as (
    select * from {{ ref('int_clauses__windows') }}
    where kind in ('cluster_outage_minutes', 'cluster_outage_share')
),

clipped as (
    select
        windows.sla_rule_sk,
        windows.rule_id,
        windows.grace_minutes,
        windows.rate_per_minute,
        windows.currency,
        windows.service_on,
        supply.system_id,
        supply.cluster_sk,
        supply.supply,
        supply.is_seen,
        supply.expected_interval_s,
        supply.knowledge = 'none' as is_certain,
        supply.is_fresh and supply.started_at >= windows.window_starts_at as is_fresh,
        supply.is_archive_begin and supply.started_at >= windows.window_starts_at
            as is_archive_begin,
        supply.is_archive_end and supply.ended_at <= windows.window_ends_at as is_archive_end,
        greatest(supply.started_at, windows.window_starts_at) as started_at,
        least(supply.ended_at, windows.window_ends_at) as ended_at
    from windows
    inner join {{ ref('int_clusters__supply') }} as supply
        on
            windows.system_id = supply.system_id
            and windows.service_on = supply.service_on
            and windows.window_ends_at > supply.started_at
            and windows.window_starts_at < supply.ended_at
    where supply.knowledge in ('none', 'unknown')
),

linked as (
    select
        *,
        coalesce(lag(ended_at) over in_order = started_at and not is_fresh, false) as is_linked,
        lag(is_certain) over in_order as was_certain
    from clipped
    window in_order as (partition by sla_rule_sk, cluster_sk, supply order by started_at)
),

numbered as (
    select
        *,
        count(case when not is_linked then 1 end) over in_order as run_number,
        count(case when not is_linked or is_certain <> was_certain then 1 end) over in_order
            as stretch_number
    from linked
    window in_order as (
        partition by sla_rule_sk, cluster_sk, supply
        order by started_at
        rows between unbounded preceding and current row
    )
),

stretches as (
    select
        sla_rule_sk,
        rule_id,
        grace_minutes,
        rate_per_minute,
        currency,
        system_id,
        cluster_sk,
        supply,
        run_number,
        is_certain,
        min(service_on) as service_on,
        bool_or(is_seen) as is_seen,
        max(expected_interval_s) as expected_interval_s,
        arg_min(is_archive_begin, started_at) as is_archive_begin,
        arg_max(is_archive_end, started_at) as is_archive_end,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        epoch_us(max(ended_at)) - epoch_us(min(started_at)) as microseconds
    from numbered
    group by
        sla_rule_sk, rule_id, grace_minutes, rate_per_minute, currency, system_id, cluster_sk,
        supply, run_number, stretch_number, is_certain
),

runs as (
    select
        sla_rule_sk,
        rule_id,
        grace_minutes,
        rate_per_minute,
        currency,
        system_id,
        cluster_sk,
        supply,
        min(service_on) as service_on,
        bool_or(is_seen) as is_seen,
        max(expected_interval_s) as expected_interval_s,
        arg_min(is_archive_begin, started_at) as is_censored_left,
        arg_max(is_archive_end, started_at) as is_censored_right,
        {{ minutes_where('is_certain') }} as minutes_lo,
        {{ minutes_where('true') }} as minutes_hi,
        sum(
            case
                when is_certain then greatest(0, microseconds - grace_minutes * 60000000)
                else 0
            end
        ) / 60000000.0 as certain_beyond_minutes,
        min(started_at) as started_at,
        max(ended_at) as ended_at
    from stretches
    group by
        sla_rule_sk, rule_id, grace_minutes, rate_per_minute, currency, system_id, cluster_sk,
        supply, run_number
),

-- polls further apart than the minutes allowed would not see that there was a bike in between
beyond as (
    select
        *,
        grace_minutes = 0 or expected_interval_s < 60 * grace_minutes as is_provable,
        minutes_hi - grace_minutes as beyond_grace_minutes_hi
    from runs
    where minutes_hi > grace_minutes
),

bounded as (
    select
        *,
        case when is_provable then certain_beyond_minutes else 0 end as beyond_grace_minutes_lo
    from beyond
),

final as (
    select
        {{ surrogate_key([
            'bounded.sla_rule_sk', 'bounded.cluster_sk', 'bounded.supply', 'bounded.started_at'
        ]) }} as cluster_outage_id,
        bounded.sla_rule_sk,
        bounded.cluster_sk,
        bounded.system_id,
        bounded.rule_id,
        bounded.service_on,
        case bounded.supply when 'bikes' then 'empty' else 'full' end as state,
        bounded.is_seen,
        bounded.is_provable,
        cast(bounded.expected_interval_s as integer) as expected_interval_s,
        cast(bounded.minutes_lo as double) as minutes_lo,
        cast(bounded.minutes_hi as double) as minutes_hi,
        cast(bounded.beyond_grace_minutes_lo as double) as beyond_grace_minutes_lo,
        cast(bounded.beyond_grace_minutes_hi as double) as beyond_grace_minutes_hi,
        cast(bounded.beyond_grace_minutes_lo * bounded.rate_per_minute as double) as damages_lo,
        cast(bounded.beyond_grace_minutes_hi * bounded.rate_per_minute as double) as damages_hi,
        bounded.currency,
        cast(100 * cluster_days.known_minutes / cluster_days.window_minutes as double)
            as coverage_pct,
        bounded.is_censored_left,
        bounded.is_censored_right,
        bounded.started_at,
        bounded.ended_at
    from bounded
    left join {{ ref('int_clauses__cluster_days') }} as cluster_days
        on
            bounded.sla_rule_sk = cluster_days.sla_rule_sk
            and bounded.service_on = cluster_days.service_on
            and bounded.cluster_sk = cluster_days.cluster_sk
            and bounded.supply = cluster_days.supply
)

select * from final
