{{ config(materialized='view') }}

-- What a vehicle does while nobody has it: its battery empties, or it moves. Between two takings,
-- by a rider or by the operator, it is one stay. It begins when the vehicle is put down; of one
-- that never tells of that, with the first that it tells after the taking.
with told as (
    select
        *,
        count(case when event_type in ('unlocked', 'collected') then 1 end) over in_order
            as stay_number,
        last_value(
            case
                when event_type in ('unlocked', 'collected') then true
                when event_type in ('locked', 'deployed') then false
            end ignore nulls
        ) over in_order as is_taken,
        bool_or(event_type in ('locked', 'deployed')) over (partition by system_id, device_id)
            as is_put_down_told
    from {{ ref('int_anomalies__events') }}
    where device_kind = 'vehicle'
    window in_order as (
        partition by system_id, device_id
        order by happened_at, occurred_at, event_sk
        rows between unbounded preceding and current row
    )
),

events as (
    select
        *,
        stay_number = max(stay_number) over (partition by system_id, device_id) as is_last_stay
    from told
    where not (is_put_down_told and coalesce(is_taken, false))
),

readings as (
    select
        *,
        lag(battery_percent) over in_order as percent_before,
        lag(happened_at) over in_order as before_at
    from events
    where battery_percent is not null
    window in_order as (
        partition by system_id, device_id, stay_number
        order by happened_at, occurred_at, event_sk
    )
),

drains as (
    select
        *,
        coalesce(
            percent_before - battery_percent
            > {{ var('idle_percent_hour') }}
            * greatest({{ seconds_between('before_at', 'happened_at') }} / 3600, 1),
            false
        ) as is_odd
    from readings
),

places as (
    select
        *,
        lag(lat) over in_order as lat_before,
        lag(lon) over in_order as lon_before,
        lag(happened_at) over in_order as before_at
    from events
    where lat is not null and lon is not null
    window in_order as (
        partition by system_id, device_id, stay_number
        order by happened_at, occurred_at, event_sk
    )
),

moves as (
    select
        *,
        {{ metres_between('lat_before', 'lon_before', 'lat', 'lon') }} as moved_m
    from places
),

steps as (
    select
        'battery_drop' as kind,
        system_id,
        device_id,
        stay_number,
        event_sk,
        is_odd,
        is_last_stay,
        percent_before - battery_percent as measure,
        as_of,
        before_at as begins_at,
        occurred_at,
        happened_at
    from drains
    union all
    select
        'unrented_move' as kind,
        system_id,
        device_id,
        stay_number,
        event_sk,
        coalesce(moved_m >= {{ var('unrented_m') }}, false) as is_odd,
        is_last_stay,
        moved_m as measure,
        as_of,
        -- the place before may be hours old: it stood there
        happened_at as begins_at,
        occurred_at,
        happened_at
    from moves
),

numbered as (
    select
        *,
        count(case when not is_odd then 1 end) over in_order as run_number,
        lead(is_odd) over in_order as is_next_odd
    from steps
    window in_order as (
        partition by kind, system_id, device_id, stay_number
        order by happened_at, occurred_at, event_sk
    )
),

runs as (
    select
        kind,
        system_id,
        device_id,
        count(*) as steps,
        sum(measure) as measure,
        max(as_of) as as_of,
        min(begins_at) as since,
        max(happened_at) as last_at,
        bool_or(not is_last_stay or not is_next_odd) as is_followed
    from numbered
    where is_odd
    group by kind, system_id, device_id, stay_number, run_number
),

final as (
    select
        kind,
        system_id,
        device_id as object_id,
        case kind
            when 'battery_drop'
                then
                    'lost ' || cast(round(measure) as bigint) || ' % in '
                    || cast(round({{ seconds_between('since', 'last_at') }} / 60) as bigint)
                    || ' minutes, standing'
            else
                'moved ' || steps || ' times without a rental, '
                || cast(round(measure / 1000, 1) as varchar) || ' km in all'
        end as evidence,
        since,
        case
            when
                coalesce(is_followed, false)
                or {{ seconds_between('last_at', 'as_of') }} > {{ var('quiet_after_s') }}
                then last_at
        end as ended_at
    from runs
    where steps >= {{ var('odd_steps') }}
)

select * from final
