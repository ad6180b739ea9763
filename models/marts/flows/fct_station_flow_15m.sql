{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- A vehicle that leaves and one that comes between two polls do not show in their difference. How
-- many did follows from how many show, if riders come one by one: per poll, the product of the
-- departures and arrivals seen, times a ratio that grows with both (`flow_netting`). The pace is
-- that of the station, the type and four hours of a UTC day.
-- Recomputed: the UTC days on which quarters were computed anew.
with quarters as (
    select
        *,
        extract(hour from starts_at) // 4 as watch
    from {{ ref('int_flows__quarters') }}
    where built_at > {{ seen_until() }}
),

paces as (
    select
        station_sk,
        observed_on,
        vehicle_type_id,
        watch,
        sum(cast(round(departures * 1e6) as bigint)) / 1e6 as departures,
        sum(cast(round(arrivals * 1e6) as bigint)) / 1e6 as arrivals,
        sum(cast(round(comparisons * 1e6) as bigint)) / 1e6 as comparisons
    from quarters
    group by station_sk, observed_on, vehicle_type_id, watch
),

stepped as (
    select
        *,
        cast(round(4 * log2((departures + arrivals) / comparisons)) as integer) as turnover_step,
        cast(2 * round(5 * abs(departures - arrivals) / (departures + arrivals)) as integer)
            as drift_tenths
    from paces
    where departures > 0 and arrivals > 0 and comparisons > 0
),

unseen as (
    select
        stepped.*,
        netting.unseen_ratio * stepped.departures * stepped.arrivals
        / (stepped.comparisons * stepped.comparisons) as unseen_per_comparison
    from stepped
    inner join {{ ref('flow_netting') }} as netting
        on
            greatest(-16, least(12, stepped.turnover_step)) = netting.turnover_step
            and least(8, stepped.drift_tenths) = netting.drift_tenths
),

estimated as (
    select
        quarters.*,
        coalesce(quarters.comparisons * unseen.unseen_per_comparison, 0) as unseen
    from quarters
    left join unseen
        on
            quarters.station_sk = unseen.station_sk
            and quarters.observed_on = unseen.observed_on
            and quarters.vehicle_type_id = unseen.vehicle_type_id
            and quarters.watch = unseen.watch
),

final as (
    select
        station_sk,
        system_id,
        station_id,
        starts_at,
        vehicle_type_id,
        observed_on,
        cast(departures as double) as dep_raw,
        cast(arrivals as double) as arr_raw,
        cast(departures + unseen as double) as dep_cal,
        cast(arrivals + unseen as double) as arr_cal,
        cast({{ var('flow_error') }} * unseen as double) as cal_error,
        cast(moved_out as double) as moved_out,
        cast(moved_in as double) as moved_in,
        cast(least(100, told_us / 9e6) as double) as coverage_pct,
        cast(told_us / nullif(comparisons, 0) / 1e6 as double) as cadence_s,
        {{ built_at() }} as built_at
    from estimated
)

select * from final
