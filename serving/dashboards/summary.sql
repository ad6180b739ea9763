-- What a run reports at its end, of the generation that it published: section, item, value.
with counts as (
    select 1 as place, 'data' as section, 'systems' as item, count(*) as value from gold.dim_system
    where is_registered and is_current
    union all
    select 2, 'data', 'polls', count(*) from gold.fct_feed_fetch
    union all
    select 3, 'data', 'polls without a usable answer', count(*) from gold.fct_feed_fetch
    where not is_usable
    union all
    select 4, 'data', 'gaps of feeds', count(*) from gold.fct_feed_gap
    where kind in ('unpolled', 'unanswered')
    union all
    select 5, 'data', 'stations', count(distinct station_sk) from gold.dim_station
    union all
    select 6, 'data', 'state intervals', count(*) from gold.fct_station_state
    union all
    select 7, 'data', 'station days', count(*) from gold.mart_station_day
    union all
    select 8, 'data', 'outages of stations', count(*) from gold.fct_station_outage
    union all
    select 9, 'data', 'outages of clusters', count(*)
    from gold.fct_cluster_outage
    where is_seen
    union all
    select 10, 'data', 'trips', count(*) from gold.fct_trip
    union all
    select 11, 'data', 'rides that are no trips', count(*) from gold.fct_trip_quarantined
    union all
    select 12, 'data', 'departures inferred', coalesce(cast(round(sum(dep_cal)) as bigint), 0)
    from gold.fct_station_flow_15m
    union all
    select 13, 'data', 'moves of trucks inferred', count(*) from gold.fct_rebalancing_move
    where is_move
    union all
    select 14, 'data', 'of which in work orders', count(work_order_id)
    from gold.fct_rebalancing_move
    where is_move
    union all
    select 15, 'data', 'work orders', count(*) from gold.fct_work_order
    where not is_deleted
    union all
    select 16, 'data', 'stations that trip files and operators name', count(*)
    from gold.dim_station_xref
    union all
    select 17, 'data', 'stays of vehicles', count(*) from gold.fct_vehicle_stay
    union all
    select 18, 'data', 'trips of vehicles, expected', coalesce(cast(round(sum(probability)) as bigint), 0)
    from gold.fct_inferred_trip
    union all
    select 19, 'data', 'stays where none may stand', count(*) from gold.fct_geofence_breach
    union all
    select 20, 'data', 'zones', count(*) from gold.dim_zone
    union all
    select 21, 'data', 'events of devices', count(*) from gold.fct_device_event
    union all
    select 22, 'data', 'hours of weather', count(*) from gold.fct_weather_hourly
    union all
    select 23, 'data', 'hours of stations to learn from', count(*) from gold.mart_ml_station_hour
    union all
    select 24, 'data', 'systems in the worldwide catalogue', count(*)
    from gold.dim_system
    where is_listed and is_current
    union all
    select
        50 + row_number() over (order by kind),
        'anomalies',
        replace(kind, '_', ' '),
        count(*)
    from gold.fct_anomaly
    group by kind
    union all
    select
        100 + cast(rule_id[2:] as integer),
        'findings',
        rule_id || ' on ' || case object_kind when 'feed' then object_id else object_kind || 's' end,
        count(*)
    from gold.fct_quality_finding
    group by all
)

select
    section,
    item,
    value
from counts
order by place, item
