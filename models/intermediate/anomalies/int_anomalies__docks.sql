{{ config(materialized='view') }}

-- A dock that does not lock: several bikes in a row were pushed into it in vain; or it is free,
-- and none came while so many came to the docks of its station that chance does not explain it.
with events as (
    select * from {{ ref('int_anomalies__events') }}
    where
        device_kind = 'dock'
        and event_type in ('dock_locked', 'dock_unlocked', 'dock_lock_failed')
),

counted as (
    select
        *,
        count(case when event_type = 'dock_locked' then 1 end) over in_order as locks_so_far
    from events
    window in_order as (
        partition by system_id, device_id
        order by happened_at, occurred_at, event_sk
        rows between unbounded preceding and current row
    )
),

-- what follows a lock, up to the next one
pauses as (
    select
        system_id,
        device_id,
        locks_so_far,
        max(station_ref) as station_ref,
        max(as_of) as as_of,
        count(case when event_type = 'dock_lock_failed' then 1 end) as failures,
        min(case when event_type = 'dock_lock_failed' then happened_at end) as failed_at,
        min(case when event_type = 'dock_unlocked' then happened_at end) as freed_at,
        min(happened_at) as begins_at
    from counted
    group by system_id, device_id, locks_so_far
),

followed as (
    select
        *,
        lead(begins_at) over in_order as locked_at,
        max(locks_so_far) over (partition by system_id, device_id) as dock_locks
    from pauses
    window in_order as (partition by system_id, device_id order by locks_so_far)
),

station_locks as (
    select
        system_id,
        station_ref,
        happened_at,
        count(*) over (partition by system_id, station_ref order by happened_at) as lock_number,
        count(*) over (partition by system_id, station_ref) as lock_total
    from events
    where event_type = 'dock_locked'
),

-- how many came to the station while the dock stood free
free_docks as (
    select
        followed.*,
        later.lock_total as station_locks,
        later.lock_number - coalesce(earlier.lock_number, 0)
        - case when followed.locked_at is null then 0 else 1 end as came_beside
    from followed
    asof inner join station_locks as later
        on
            followed.system_id = later.system_id
            and followed.station_ref = later.station_ref
            and coalesce(followed.locked_at, followed.as_of) >= later.happened_at
    asof left join station_locks as earlier
        on
            followed.system_id = earlier.system_id
            and followed.station_ref = earlier.station_ref
            and followed.freed_at >= earlier.happened_at
    where followed.freed_at is not null
),

silent as (
    select
        *,
        came_beside * dock_locks
        / cast(nullif(station_locks - came_beside, 0) as double) as expected
    from free_docks
    where dock_locks >= {{ var('dock_locks_least') }}
),

final as (
    select
        'dock_not_locking' as kind,
        system_id,
        device_id as object_id,
        failures || ' bikes in a row did not lock' as evidence,
        failed_at as since,
        locked_at as ended_at
    from followed
    where failures >= {{ var('dock_failures') }}
    union all
    select
        'dock_not_locking' as kind,
        system_id,
        device_id as object_id,
        'free, and no bike locked in it while ' || came_beside
        || ' did in other docks of the station: '
        || cast(round(expected) as bigint) || ' were to be expected' as evidence,
        freed_at as since,
        locked_at as ended_at
    from silent
    where expected >= {{ var('dock_expected') }} and failures < {{ var('dock_failures') }}
)

select * from final
