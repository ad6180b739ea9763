-- Which stations made up the cluster of each station, and when. Only stations with docks that stood
-- in the list and whose place is known count.
with placements as (
    select
        *
        replace (coalesce(valid_to, timestamp '9999-12-31') as valid_to)
    from {{ ref('dim_station') }}
    where is_listed and not is_virtual and lat is not null and lon is not null
),

pairs as (
    select
        anchors.station_version_sk as anchor_version_sk,
        members.station_sk,
        members.station_id,
        {{ metres_between('anchors.lat', 'anchors.lon', 'members.lat', 'members.lon') }}
            as distance_m,
        greatest(anchors.valid_from, members.valid_from) as together_from,
        least(anchors.valid_to, members.valid_to) as together_to,
        members.valid_from <= anchors.valid_from and members.valid_to >= anchors.valid_to
            as is_lasting
    from placements as anchors
    inner join placements as members
        on
            anchors.system_id = members.system_id
            and anchors.station_sk <> members.station_sk
            and anchors.valid_from < members.valid_to
            and anchors.valid_to > members.valid_from
),

-- The stations nearest at any time are no further than the nearest ones that were there all the
-- time: few pairs are left to be looked at in every stretch of time.
lasting as (
    select
        *,
        row_number() over (partition by anchor_version_sk order by distance_m, station_id) as place
    from pairs
    where is_lasting
),

candidates as (
    select pairs.*
    from pairs
    left join lasting
        on
            pairs.anchor_version_sk = lasting.anchor_version_sk
            and lasting.place = {{ var('cluster_others') }}
    where
        pairs.distance_m <= {{ var('cluster_radius_m') }}
        or coalesce(pairs.distance_m <= lasting.distance_m, true)
),

moments as (
    select
        station_version_sk as anchor_version_sk,
        valid_from as began_at
    from placements
    union
    select
        anchor_version_sk,
        together_from as began_at
    from candidates
    union
    select
        candidates.anchor_version_sk,
        candidates.together_to as began_at
    from candidates
    inner join placements on candidates.anchor_version_sk = placements.station_version_sk
    where candidates.together_to < placements.valid_to
),

stretches as (
    select
        placements.system_id,
        placements.station_sk as cluster_sk,
        placements.station_id as anchor_station_id,
        moments.anchor_version_sk,
        moments.began_at,
        lead(moments.began_at, 1, placements.valid_to) over (
            partition by moments.anchor_version_sk
            order by moments.began_at
        ) as ended_at
    from moments
    inner join placements on moments.anchor_version_sk = placements.station_version_sk
),

ranked as (
    select
        stretches.*,
        candidates.station_sk,
        candidates.station_id,
        candidates.distance_m,
        row_number() over (
            partition by stretches.anchor_version_sk, stretches.began_at
            order by candidates.distance_m, candidates.station_id
        ) as place,
        count(case when candidates.distance_m <= {{ var('cluster_radius_m') }} then 1 end) over (
            partition by stretches.anchor_version_sk, stretches.began_at
        ) as within_radius
    from stretches
    left join candidates
        on
            stretches.anchor_version_sk = candidates.anchor_version_sk
            and stretches.began_at >= candidates.together_from
            and stretches.began_at < candidates.together_to
),

chosen as (
    select
        *,
        within_radius < {{ var('cluster_others') }} as is_by_nearest,
        station_sk is not null
        and (
            distance_m <= {{ var('cluster_radius_m') }}
            or within_radius < {{ var('cluster_others') }} and place <= {{ var('cluster_others') }}
        ) as is_member
    from ranked
),

formed as (
    select
        system_id,
        cluster_sk,
        anchor_station_id,
        began_at,
        ended_at,
        is_by_nearest,
        list(
            struct_pack(
                station_sk := station_sk, station_id := station_id, distance_m := distance_m
            ) order by distance_m, station_id
        ) filter (where is_member) as neighbours,
        max(case when is_member then distance_m end) as reach_m
    from chosen
    group by system_id, cluster_sk, anchor_station_id, began_at, ended_at, is_by_nearest
),

compared as (
    select
        *,
        coalesce(
            neighbours is distinct from lag(neighbours) over in_order
            or lag(ended_at) over in_order <> began_at, true
        ) as is_changed
    from formed
    window in_order as (partition by cluster_sk order by began_at)
),

numbered as (
    select
        *,
        count(case when is_changed then 1 end) over (
            partition by cluster_sk
            order by began_at
            rows between unbounded preceding and current row
        ) as version_number
    from compared
),

final as (
    select
        {{ surrogate_key(['cluster_sk', 'min(began_at)']) }} as cluster_version_sk,
        cluster_sk,
        system_id,
        anchor_station_id,
        version_number,
        any_value(is_by_nearest) as is_by_nearest,
        coalesce(any_value(neighbours), []) as neighbours,
        len(coalesce(any_value(neighbours), [])) + 1 as stations,
        coalesce(any_value(reach_m), 0) as reach_m,
        min(began_at) as valid_from,
        nullif(max(ended_at), timestamp '9999-12-31') as valid_to
    from numbered
    group by cluster_sk, system_id, anchor_station_id, version_number
)

select * from final
