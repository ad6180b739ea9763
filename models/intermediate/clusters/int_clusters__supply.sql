{{
    config(
        materialized='incremental',
        unique_key=['system_id', 'service_on'],
        pre_hook="{{ forget_days_missing_in(ref('int_clusters__days')) }}",
    )
}}

-- What is known of each cluster's bikes and docks, second by second: `some` while a member surely
-- has some, `none` while no member has any, for certain, else `unknown`. An event is a moment at
-- which a member comes or goes, begins or ends to have some, or none, or at which the archive
-- begins or ends: what is known between two events is told by counting.
-- Recomputed: the local days that spells computed anew can reach into, or on which the clusters
-- were others. Within half a day a gap is a time of which nothing is known; what is further from
-- any observation is not in the archive, and has no row. Hence two days on either side are read.
with touched_days as (
    select distinct
        supply.system_id,
        cast(supply.observed_on + beside.distance as date) as service_on
    from {{ ref('int_stations__supply') }} as supply
    cross join (values (-2), (-1), (0), (1), (2)) as beside (distance)
    where supply.built_at > {{ seen_until() }}
),

days as (
    select local_days.*
    from {{ ref('int_clusters__days') }} as local_days
    left join touched_days
        on
            local_days.system_id = touched_days.system_id
            and local_days.service_on = touched_days.service_on
    where
        touched_days.system_id is not null
        or (local_days.system_id, local_days.service_on, local_days.clusters_number)
        not in ({{ clusters_held() }})
),

days_read as (
    select
        days.*,
        cast(days.service_on + beside.distance as date) as observed_on
    from days
    cross join (values (-2), (-1), (0), (1), (2)) as beside (distance)
),

observed_days as (
    select distinct
        system_id,
        observed_on
    from days_read
),

spells as (
    select supply.*
    from {{ ref('int_stations__supply') }} as supply
    inner join observed_days
        on
            supply.system_id = observed_days.system_id
            and supply.observed_on = observed_days.observed_on
),

-- stretches of the archive without a hole of half a day
watched as (
    select
        *,
        max(ended_at) over (
            partition by system_id
            order by started_at
            rows between unbounded preceding and 1 preceding
        ) as seen_before
    from spells
),

islands as (
    select
        *,
        count(case when not coalesce({{ is_near('seen_before', 'started_at') }}, false) then 1 end)
            over (
                partition by system_id
                order by started_at
                rows between unbounded preceding and current row
            ) as island
    from watched
),

archive as (
    select
        system_id,
        min(started_at) as began_at,
        max(ended_at) as ended_at
    from islands
    group by system_id, island
),

archive_days as (
    select
        days.system_id,
        days.service_on,
        greatest(archive.began_at, days.starts_at) as from_at,
        least(archive.ended_at, days.ends_at) as until_at,
        archive.began_at >= days.starts_at as is_archive_begin,
        archive.ended_at <= days.ends_at as is_archive_end
    from days
    inner join archive
        on
            days.system_id = archive.system_id
            and days.ends_at > archive.began_at
            and days.starts_at < archive.ended_at
),

member_days as (
    select
        days.system_id,
        days.service_on,
        members.cluster_sk,
        members.station_sk,
        greatest(members.valid_from, days.starts_at) as from_at,
        least(coalesce(members.valid_to, days.ends_at), days.ends_at) as until_at
    from days
    inner join {{ ref('bridge_station_cluster') }} as members
        on
            days.system_id = members.system_id
            and days.ends_at > members.valid_from
            and coalesce(days.starts_at < members.valid_to, true)
),

cluster_days as (
    select distinct
        system_id,
        service_on,
        cluster_sk
    from member_days
),

spell_days as (
    select
        spells.*,
        days_read.service_on
    from spells
    inner join days_read
        on
            spells.system_id = days_read.system_id
            and spells.observed_on = days_read.observed_on
            and spells.started_at <= days_read.ends_at
            and spells.ended_at >= days_read.starts_at
),

-- what a member has counts while it is one; a lone observation, too, is a spell
told as (
    select
        member_days.system_id,
        member_days.service_on,
        member_days.cluster_sk,
        spell_days.supply,
        spell_days.has_some,
        greatest(spell_days.started_at, member_days.from_at) as from_at,
        least(spell_days.ended_at, member_days.until_at) as until_at
    from member_days
    inner join spell_days
        on
            member_days.station_sk = spell_days.station_sk
            and member_days.service_on = spell_days.service_on
            and member_days.until_at >= spell_days.started_at
            and member_days.from_at <= spell_days.ended_at
    where spell_days.has_some is not null
),

marks as (
    select
        *,
        case when has_some then 'some' else 'none' end as mark,
        false as is_archive_begin,
        false as is_archive_end
    from told
    union all by name
    select
        member_days.system_id,
        member_days.service_on,
        member_days.cluster_sk,
        member_days.from_at,
        member_days.until_at,
        supplies.supply,
        'member' as mark,
        false as is_archive_begin,
        false as is_archive_end
    from member_days
    cross join (values ('bikes'), ('docks')) as supplies (supply)
    union all by name
    select
        archive_days.*,
        cluster_days.cluster_sk,
        supplies.supply,
        'archive' as mark
    from cluster_days
    inner join archive_days
        on
            cluster_days.system_id = archive_days.system_id
            and cluster_days.service_on = archive_days.service_on
    cross join (values ('bikes'), ('docks')) as supplies (supply)
),

events as (
    select
        system_id,
        service_on,
        cluster_sk,
        supply,
        mark,
        from_at as happened_at,
        1 as step,
        is_archive_begin as is_edge
    from marks
    union all
    select
        system_id,
        service_on,
        cluster_sk,
        supply,
        mark,
        until_at as happened_at,
        -1 as step,
        is_archive_end as is_edge
    from marks
),

moments as (
    select
        system_id,
        service_on,
        cluster_sk,
        supply,
        happened_at,
        sum(case when mark = 'member' then step else 0 end) as members_come,
        sum(case when mark = 'archive' then step else 0 end) as archives_begin,
        sum(case when mark = 'none' then step else 0 end) as nones_come,
        sum(case when mark = 'some' then step else 0 end) as somes_come,
        sum(case when mark = 'none' and step < 0 then 1 else 0 end) as nones_gone,
        sum(case when mark = 'some' and step < 0 then 1 else 0 end) as somes_gone,
        bool_or(is_edge) as is_edge
    from events
    group by system_id, service_on, cluster_sk, supply, happened_at
),

counted as (
    select
        *,
        sum(members_come) over in_order as members,
        sum(archives_begin) over in_order as archives,
        sum(nones_come) over in_order as nones,
        sum(somes_come) over in_order as somes
    from moments
    window in_order as (
        partition by service_on, cluster_sk, supply
        order by happened_at
    )
),

-- at the moment itself what ends there holds as well as what begins
weighed as (
    select
        *,
        case
            when members = 0 or archives = 0 then null
            when somes > 0 then 'some'
            when nones = members then 'none'
            else 'unknown'
        end as knowledge,
        somes + somes_gone > 0 as is_some_then,
        nones + nones_gone >= greatest(members, members - members_come) as is_none_then
    from counted
),

sequenced as (
    select
        *,
        lead(happened_at) over in_order as ended_at,
        is_none_then or lead(is_none_then) over in_order as is_seen,
        lead(is_edge) over in_order as is_edge_after
    from weighed
    window in_order as (
        partition by service_on, cluster_sk, supply
        order by happened_at
    )
),

compared as (
    select
        *,
        not coalesce(
            lag(knowledge) over in_order = knowledge
            and lag(ended_at) over in_order = happened_at
            and (knowledge = 'some' or not is_some_then), false
        ) as is_first
    from sequenced
    where knowledge is not null and ended_at is not null
    window in_order as (
        partition by service_on, cluster_sk, supply
        order by happened_at
    )
),

numbered as (
    select
        *,
        count(case when is_first then 1 end) over (
            partition by service_on, cluster_sk, supply
            order by happened_at
            rows between unbounded preceding and current row
        ) as stretch_number
    from compared
),

stretches as (
    select
        system_id,
        service_on,
        cluster_sk,
        supply,
        knowledge,
        arg_min(is_some_then, happened_at) as is_fresh,
        bool_or(is_seen) as is_seen,
        arg_min(is_edge, happened_at) as is_archive_begin,
        arg_max(is_edge_after, happened_at) as is_archive_end,
        min(happened_at) as started_at,
        max(ended_at) as ended_at
    from numbered
    group by system_id, service_on, cluster_sk, supply, knowledge, stretch_number
),

paces as (
    select
        system_id,
        service_on,
        max(expected_interval_s) as expected_interval_s
    from spell_days
    group by system_id, service_on
),

final as (
    select
        days.system_id,
        days.service_on,
        days.clusters_number,
        stretches.cluster_sk,
        stretches.supply,
        stretches.knowledge,
        stretches.is_fresh,
        stretches.is_seen and stretches.knowledge <> 'some' as is_seen,
        stretches.is_archive_begin,
        stretches.is_archive_end,
        paces.expected_interval_s,
        stretches.started_at,
        stretches.ended_at,
        {{ built_at() }} as built_at
    from days
    left join stretches
        on days.system_id = stretches.system_id and days.service_on = stretches.service_on
    left join paces
        on days.system_id = paces.system_id and days.service_on = paces.service_on
)

select * from final
