-- At the start of each version of a cluster, all pairs of stations compared: its members are those
-- within a third of a mile, or the three nearest.
with clusters as (
    select * from {{ ref('dim_cluster') }}
),

members as (
    select * from {{ ref('bridge_station_cluster') }}
    where not is_anchor
),

placements as (
    select * from {{ ref('dim_station') }}
    where is_listed and not is_virtual and lat is not null and lon is not null
),

neighbours as (
    select
        clusters.cluster_version_sk,
        neighbours.station_sk,
        {{ metres_between('anchors.lat', 'anchors.lon', 'neighbours.lat', 'neighbours.lon') }}
            as distance_m,
        neighbours.station_id
    from clusters
    inner join placements as anchors
        on
            clusters.cluster_sk = anchors.station_sk
            and clusters.valid_from >= anchors.valid_from
            and coalesce(clusters.valid_from < anchors.valid_to, true)
    inner join placements as neighbours
        on
            clusters.system_id = neighbours.system_id
            and clusters.cluster_sk <> neighbours.station_sk
            and clusters.valid_from >= neighbours.valid_from
            and coalesce(clusters.valid_from < neighbours.valid_to, true)
),

ranked as (
    select
        *,
        row_number() over nearest_first as place_in_order,
        count(case when distance_m <= {{ var('cluster_radius_m') }} then 1 end) over (
            partition by cluster_version_sk
        ) as within_radius
    from neighbours
    window nearest_first as (partition by cluster_version_sk order by distance_m, station_id)
),

expected as (
    select
        cluster_version_sk,
        station_sk
    from ranked
    where
        distance_m <= {{ var('cluster_radius_m') }}
        or (
            within_radius < {{ var('cluster_others') }}
            and place_in_order <= {{ var('cluster_others') }}
        )
),

final as (
    select
        coalesce(expected.cluster_version_sk, members.cluster_version_sk) as cluster_version_sk,
        coalesce(expected.station_sk, members.station_sk) as station_sk
    from expected
    full outer join members
        on
            expected.cluster_version_sk = members.cluster_version_sk
            and expected.station_sk = members.station_sk
    where expected.station_sk is null or members.station_sk is null
)

select * from final
