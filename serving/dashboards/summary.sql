-- What a run reports at its end, of the generation that it published: section, item, value.
with counts as (
    select 1 as place, 'data' as section, 'systems' as item, count(*) as value from gold.dim_system
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
