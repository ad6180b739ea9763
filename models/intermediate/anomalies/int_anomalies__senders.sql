{{ config(materialized='view') }}

-- What shows in how events are sent: a device that is silent, one whose clock is ahead, and many
-- events that come late at once.
with events as (
    select * from {{ ref('int_anomalies__events') }}
),

beats as (
    select
        system_id,
        device_kind,
        device_id,
        as_of,
        happened_at,
        lead(happened_at) over in_order as next_at,
        {{ seconds_between('happened_at', 'lead(happened_at) over in_order') }} as pause_s
    from events
    where event_type = 'heartbeat'
    window in_order as (
        partition by system_id, device_kind, device_id order by happened_at, event_sk
    )
),

paces as (
    select
        system_id,
        device_kind,
        device_id,
        median(pause_s) as usual_s
    from beats
    group by system_id, device_kind, device_id
    having count(pause_s) >= {{ var('heartbeats_least') }}
),

silences as (
    select
        'heartbeat_lost' as kind,
        beats.system_id,
        beats.device_id as object_id,
        'no sign of life for '
        || cast(round({{ seconds_between(
            'beats.happened_at', 'coalesce(beats.next_at, beats.as_of)'
        ) }} / 60) as bigint)
        || ' minutes, where one every ' || cast(round(paces.usual_s / 60) as bigint)
        || ' is usual' as evidence,
        beats.happened_at as since,
        beats.next_at as ended_at
    from beats
    inner join paces
        on
            beats.system_id = paces.system_id
            and beats.device_kind = paces.device_kind
            and beats.device_id = paces.device_id
    where
        {{ seconds_between('beats.happened_at', 'coalesce(beats.next_at, beats.as_of)') }}
        > {{ var('heartbeats_missed') }} * paces.usual_s
),

-- of what is received together, in one request, what is right comes first
clocks as (
    select
        *,
        count(case when not is_clock_ahead then 1 end) over in_order as run_number,
        lead(told_at) over in_order as next_at
    from events
    where lateness_s is not null
    window in_order as (
        partition by system_id, device_kind, device_id
        order by told_at asc, lateness_s desc, event_sk asc
        rows between unbounded preceding and current row
    )
),

-- a run is over with the first event that is right again
skews as (
    select
        'clock_skew' as kind,
        system_id,
        device_id as object_id,
        'events from the future: ' || count(*) || ', by up to '
        || cast(round(max(-lateness_s)) as bigint) || ' s' as evidence,
        min(told_at) as since,
        case when count(next_at) = count(*) then max(next_at) end as ended_at
    from clocks
    where is_clock_ahead
    group by system_id, device_kind, device_id, run_number
),

quarters as (
    select
        system_id,
        max(as_of) as as_of,
        count(*) as events,
        count(case when is_late then 1 end) as late_events,
        max(lateness_s) as lateness_s,
        time_bucket(interval 15 minutes, told_at) as quarter_at
    from events
    group by system_id, quarter_at
),

bursts as (
    select
        *,
        row_number() over (partition by system_id order by quarter_at) as place,
        quarter_at - to_minutes(15 * place) as burst_at
    from quarters
    where
        late_events >= {{ var('late_least') }}
        and late_events >= {{ var('late_share') }} * events
),

late as (
    select
        'late_events' as kind,
        system_id,
        system_id as object_id,
        sum(late_events) || ' of ' || sum(events) || ' events had happened up to '
        || cast(round(max(lateness_s) / 60) as bigint) || ' minutes before' as evidence,
        min(quarter_at) as since,
        case
            when max(quarter_at) + interval 15 minutes <= max(as_of)
                then max(quarter_at) + interval 15 minutes
        end as ended_at
    from bursts
    group by system_id, burst_at
),

final as (
    select * from silences
    union all by name
    select * from skews
    union all by name
    select * from late
)

select * from final
