with versions as (
    select * from {{ ref('int_clusters__versions') }}
),

final as (
    select
        cluster_version_sk,
        cluster_sk,
        system_id,
        anchor_station_id,
        cast(version_number as integer) as version_number,
        is_by_nearest,
        valid_to is null as is_current,
        cast(stations as integer) as stations,
        cast(reach_m as double) as reach_m,
        valid_from,
        valid_to
    from versions
)

select * from final
