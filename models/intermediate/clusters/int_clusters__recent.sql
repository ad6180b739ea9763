{{ config(materialized='view') }}

-- What the present clusters had at every fifth minute of the last day, and where that was going. A
-- moment counts where all members were seen.
with members as (
    select
        bridge.system_id,
        bridge.cluster_sk,
        bridge.station_sk,
        count(*) over (partition by bridge.system_id, bridge.cluster_sk) as members
    from {{ ref('bridge_station_cluster') }} as bridge
    where bridge.valid_to is null
),

summed as (
    select
        members.system_id,
        members.cluster_sk,
        recent.step,
        recent.moment_at,
        recent.as_of,
        count(*) as stations,
        sum(recent.vehicles) as vehicles,
        sum(recent.docks) as docks
    from members
    inner join {{ ref('int_stations__recent') }} as recent
        on members.system_id = recent.system_id and members.station_sk = recent.station_sk
    group by all
    having count(*) = max(members.members)
),

paced as (
    select
        later.*,
        earlier.vehicles as vehicles_before,
        (later.vehicles - earlier.vehicles) * 3600.0
        / {{ seconds_between('earlier.moment_at', 'later.moment_at') }} as vehicles_per_hour
    from summed as later
    left join summed as earlier
        on
            later.system_id = earlier.system_id
            and later.cluster_sk = earlier.cluster_sk
            and greatest(later.step, 1) + 6 = earlier.step
),

timed as (
    select
        *,
        case when vehicles_per_hour < 0 then vehicles * 60.0 / -vehicles_per_hour end
            as minutes_to_empty,
        case when vehicles_per_hour > 0 then docks * 60.0 / vehicles_per_hour end
            as minutes_to_full
    from paced
),

final as (
    select
        system_id,
        cluster_sk,
        step,
        cast(stations as integer) as stations,
        cast(vehicles as integer) as vehicles,
        cast(docks as integer) as docks,
        cast(vehicles_before as integer) as vehicles_before,
        cast(vehicles_per_hour as double) as vehicles_per_hour,
        cast(minutes_to_empty as double) as minutes_to_empty,
        cast(minutes_to_full as double) as minutes_to_full,
        coalesce(vehicles > 0 and minutes_to_empty < {{ var('emptying_minutes') }}, false)
            as is_emptying,
        moment_at,
        as_of
    from timed
)

select * from final
