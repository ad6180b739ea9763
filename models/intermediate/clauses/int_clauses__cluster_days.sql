-- Of the time for which a rule held for a cluster, while the archive of its system goes: how much
-- there was, and for how much of it is known whether the cluster had bikes, or docks.
with windows as (
    select * from {{ ref('int_clauses__windows') }}
    where kind in ('cluster_outage_minutes', 'cluster_outage_share')
),

spans as (
    select
        system_id,
        min(first_observed_at) as first_observed_at,
        max(last_observed_at) as last_observed_at
    from {{ ref('int_stations__days') }}
    group by system_id
),

clusters as (
    select
        clusters.cluster_sk,
        clusters.system_id,
        greatest(clusters.valid_from, spans.first_observed_at) as valid_from,
        least(
            coalesce(clusters.valid_to, spans.last_observed_at), spans.last_observed_at
        ) as valid_to
    from {{ ref('dim_cluster') }} as clusters
    inner join spans
        on
            clusters.system_id = spans.system_id
            -- the list may go on where the status ends
            and clusters.valid_from < spans.last_observed_at
),

due as (
    select
        windows.sla_rule_sk,
        windows.system_id,
        windows.service_on,
        clusters.cluster_sk,
        sum(
            epoch_us(least(clusters.valid_to, windows.window_ends_at))
            - epoch_us(greatest(clusters.valid_from, windows.window_starts_at))
        ) as microseconds
    from windows
    inner join clusters
        on
            windows.system_id = clusters.system_id
            and windows.window_ends_at > clusters.valid_from
            and windows.window_starts_at < clusters.valid_to
    group by
        windows.sla_rule_sk, windows.system_id, windows.service_on, clusters.cluster_sk
),

known as (
    select
        windows.sla_rule_sk,
        windows.service_on,
        supply.cluster_sk,
        supply.supply,
        sum(
            epoch_us(least(supply.ended_at, windows.window_ends_at))
            - epoch_us(greatest(supply.started_at, windows.window_starts_at))
        ) as microseconds
    from windows
    inner join {{ ref('int_clusters__supply') }} as supply
        on
            windows.system_id = supply.system_id
            and windows.service_on = supply.service_on
            and windows.window_ends_at > supply.started_at
            and windows.window_starts_at < supply.ended_at
    where supply.knowledge in ('some', 'none')
    group by windows.sla_rule_sk, windows.service_on, supply.cluster_sk, supply.supply
),

final as (
    select
        due.sla_rule_sk,
        due.system_id,
        due.service_on,
        due.cluster_sk,
        supplies.supply,
        due.microseconds / 60000000.0 as window_minutes,
        coalesce(known.microseconds, 0) / 60000000.0 as known_minutes
    from due
    cross join (values ('bikes'), ('docks')) as supplies (supply)
    left join known
        on
            due.sla_rule_sk = known.sla_rule_sk
            and due.service_on = known.service_on
            and due.cluster_sk = known.cluster_sk
            and supplies.supply = known.supply
)

select * from final
