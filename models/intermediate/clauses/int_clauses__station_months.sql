-- Minutes of stations in a month for the rules about stations with docks. An hour counts where the
-- rule holds as it begins.
with windows as (
    select * from {{ ref('int_clauses__windows') }}
    where kind in ('station_operable_share', 'station_outage_share')
),

spans as (
    select
        system_id,
        min(first_observed_at) as first_observed_at,
        max(last_observed_at) as last_observed_at
    from {{ ref('int_stations__days') }}
    group by system_id
),

placements as (
    select
        stations.station_sk,
        stations.system_id,
        greatest(stations.valid_from, spans.first_observed_at) as began_at,
        least(coalesce(stations.valid_to, spans.last_observed_at), spans.last_observed_at)
            as ended_at
    from {{ ref('dim_station') }} as stations
    inner join spans on stations.system_id = spans.system_id
    where stations.is_listed and not stations.is_virtual
),

due as (
    select
        windows.sla_rule_sk,
        windows.kind,
        windows.service_on,
        placements.station_sk,
        sum(
            epoch_us(least(placements.ended_at, windows.window_ends_at))
            - epoch_us(greatest(placements.began_at, windows.window_starts_at))
        ) / 60000000.0 as due_minutes
    from windows
    inner join placements
        on
            windows.system_id = placements.system_id
            and windows.window_ends_at > placements.began_at
            and windows.window_starts_at < placements.ended_at
    group by windows.sla_rule_sk, windows.kind, windows.service_on, placements.station_sk
),

seen as (
    select
        windows.sla_rule_sk,
        windows.service_on,
        hours.station_sk,
        {{ sum_of_minutes('hours.observed_minutes') }} as observed_minutes,
        {{ sum_of_minutes('hours.operable_minutes') }} as operable_minutes,
        {{ sum_of_minutes('hours.empty_minutes') }} as empty_minutes,
        {{ sum_of_minutes('hours.full_minutes') }} as full_minutes
    from windows
    inner join {{ ref('int_stations__service_hours') }} as hours
        on
            windows.system_id = hours.system_id
            and windows.service_on = hours.service_on
            and windows.window_starts_at <= hours.hour_starts_at
            and windows.window_ends_at > hours.hour_starts_at
    group by windows.sla_rule_sk, windows.service_on, hours.station_sk
),

judged as (
    select
        due.sla_rule_sk,
        due.service_on,
        due.due_minutes,
        least(coalesce(seen.observed_minutes, 0), due.due_minutes) as known_minutes,
        case
            when due.kind = 'station_operable_share'
                then coalesce(seen.observed_minutes - seen.operable_minutes, 0)
            else coalesce(seen.empty_minutes + seen.full_minutes, 0)
        end as missed_minutes
    from due
    left join seen
        on
            due.sla_rule_sk = seen.sla_rule_sk
            and due.service_on = seen.service_on
            and due.station_sk = seen.station_sk
),

final as (
    select
        sla_rule_sk,
        cast(date_trunc('month', service_on) as date) as month_on,
        {{ sum_of_minutes('due_minutes') }} as due_minutes,
        {{ sum_of_minutes('known_minutes') }} as known_minutes,
        {{ sum_of_minutes('least(missed_minutes, known_minutes)') }} as missed_minutes
    from judged
    group by sla_rule_sk, date_trunc('month', service_on)
)

select * from final
