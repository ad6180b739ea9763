with clusters as (
    select * from {{ ref('dim_cluster') }}
    where is_current
),

anchors as (
    select * from {{ ref('dim_station') }}
    where is_current
),

final as (
    select
        clusters.cluster_sk,
        clusters.system_id,
        clusters.anchor_station_id,
        anchors.station_name as anchor_name,
        recent.is_emptying,
        recent.stations,
        recent.vehicles,
        recent.docks,
        recent.vehicles_per_hour,
        recent.minutes_to_empty,
        recent.minutes_to_full,
        recent.as_of
    from clusters
    inner join {{ ref('int_clusters__recent') }} as recent
        on clusters.cluster_sk = recent.cluster_sk and recent.step = 0
    left join anchors on clusters.cluster_sk = anchors.station_sk
)

select * from final
