with versions as (
    select * from {{ ref('int_clusters__versions') }}
),

neighbours as (
    select
        versions.cluster_version_sk,
        versions.cluster_sk,
        versions.system_id,
        unnested.neighbour['station_sk'] as station_sk,
        unnested.neighbour['station_id'] as station_id,
        unnested.neighbour['distance_m'] as distance_m,
        versions.valid_from,
        versions.valid_to
    from versions
    cross join lateral unnest(versions.neighbours) as unnested (neighbour)
),

members as (
    select
        cluster_version_sk,
        cluster_sk,
        system_id,
        cluster_sk as station_sk,
        anchor_station_id as station_id,
        0 as distance_m,
        valid_from,
        valid_to
    from versions
    union all
    select * from neighbours
),

final as (
    select
        cluster_version_sk,
        cluster_sk,
        station_sk,
        system_id,
        station_id,
        station_sk = cluster_sk as is_anchor,
        cast(distance_m as double) as distance_m,
        valid_from,
        valid_to
    from members
)

select * from final
