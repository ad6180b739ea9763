{{ config(materialized='view') }}

-- Clusters that are about to run empty, at every fifth minute of the last day; and systems of which
-- a large part vanished from one hour to the next.
with clusters as (
    select * from {{ ref('int_clusters__recent') }}
),

-- five minutes without the sign do not end it
marked as (
    select
        *,
        {{ seconds_between('lag(moment_at) over in_order', 'moment_at') }} > 600 as is_apart
    from clusters
    where is_emptying and step > 0
    window in_order as (partition by system_id, cluster_sk order by moment_at)
),

numbered as (
    select
        *,
        count(case when is_apart then 1 end) over (
            partition by system_id, cluster_sk
            order by moment_at
            rows between unbounded preceding and current row
        ) as run_number
    from marked
),

emptying as (
    select
        'cluster_emptying' as kind,
        system_id,
        cluster_sk as object_id,
        'bikes ' || max_by(vehicles, moment_at) || ', half an hour before '
        || max_by(vehicles_before, moment_at) || ': none in about '
        || cast(round(max_by(minutes_to_empty, moment_at)) as bigint) || ' minutes' as evidence,
        min(moment_at) as since,
        case when min(step) > 1 then max(moment_at) end as ended_at
    from numbered
    group by system_id, cluster_sk, run_number
),

fleet as (
    select
        system_id,
        placement,
        hour_at,
        sum(mean_available + mean_reserved + mean_disabled) as vehicles
    from {{ ref('fct_fleet_hourly') }}
    where
        zone_sk is null
        and {{ within_last_days(ref('fct_fleet_hourly'), 'fleet_on', var('anomaly_days')) }}
    group by system_id, placement, hour_at
),

hours as (
    select
        *,
        lag(vehicles) over in_order as vehicles_before,
        lag(hour_at) over in_order as before_at
    from fleet
    where vehicles is not null
    window in_order as (partition by system_id, placement order by hour_at)
),

falls as (
    select * from hours
    where
        vehicles_before >= {{ var('fleet_least') }}
        and vehicles < (1 - {{ var('fleet_drop_share') }}) * vehicles_before
        and {{ seconds_between('before_at', 'hour_at') }} <= 3600
),

drops as (
    select
        'fleet_drop' as kind,
        falls.system_id,
        falls.placement as object_id,
        round(falls.vehicles_before, 1)
        || ' vehicles on average in the hour before, then ' || round(falls.vehicles, 1) as evidence,
        falls.hour_at as since,
        min(later.hour_at) as ended_at
    from falls
    left join hours as later
        on
            falls.system_id = later.system_id
            and falls.placement = later.placement
            and falls.hour_at < later.hour_at
            and later.vehicles >= (1 - {{ var('fleet_drop_share') }} / 2) * falls.vehicles_before
    group by all
),

final as (
    select * from emptying
    union all by name
    select * from drops
)

select * from final
