-- Measures are null where the times of an order contradict each other.
with orders as (
    select * from {{ ref('stg_ops__work_order') }}
),

systems as (
    select system_id from {{ ref('dim_system') }}
    where is_registered and is_current
),

reads as (
    select
        system_id,
        max(read_at) as known_until
    from {{ ref('stg_ops__read') }}
    where table_name = 'work_orders' and error is null
    group by system_id
),

-- a number on a street sign can have been another station's: the one that bore it then counts first
places as (
    select
        orders.row_id,
        stations.station_sk,
        row_number() over (
            partition by orders.row_id
            order by
                coalesce(
                    orders.opened_at >= stations.valid_from
                    and coalesce(orders.opened_at < stations.valid_to, true), false
                ) desc,
                stations.is_current desc,
                stations.valid_from desc,
                stations.station_sk asc
        ) as choice
    from orders
    inner join {{ ref('dim_station') }} as stations
        on
            orders.system_id = stations.system_id
            and orders.station_ref in (stations.short_name, stations.station_id)
),

stops as (
    select
        system_id,
        work_order_id,
        count(*) as stops,
        sum(case when kind = 'pick_up' then vehicles else 0 end) as vehicles_picked_up,
        sum(case when kind = 'drop_off' then vehicles else 0 end) as vehicles_dropped_off
    from {{ ref('stg_ops__move') }}
    where not is_deleted
    group by system_id, work_order_id
),

reports as (
    select
        system_id,
        work_order_id,
        count(*) as reports,
        min(reported_at) as first_reported_at
    from {{ ref('stg_ops__rider_report') }}
    where not is_deleted
    group by system_id, work_order_id
),

judged as (
    select
        orders.*,
        places.station_sk,
        case
            when orders.opened_at is null then 'not_opened'
            when
                orders.opened_at
                > least(orders.started_at, orders.completed_at, orders.cancelled_at)
                or orders.started_at > orders.completed_at
                then 'times_reversed'
            when orders.station_ref is not null and places.station_sk is null
                then 'station_unknown'
        end as problem
    from orders
    inner join systems on orders.system_id = systems.system_id
    left join places on orders.row_id = places.row_id and places.choice = 1
),

final as (
    select
        {{ surrogate_key(['judged.system_id', 'judged.work_order_id']) }} as work_order_sk,
        judged.system_id,
        judged.work_order_id,
        judged.station_sk,
        judged.station_ref,
        judged.vehicle_id,
        judged.kind,
        judged.status,
        judged.problem,
        judged.completed_at is null and judged.cancelled_at is null and not judged.is_deleted
            as is_open,
        judged.is_deleted,
        cast(coalesce(stops.stops, 0) as integer) as stops,
        cast(coalesce(stops.vehicles_picked_up, 0) as integer) as vehicles_picked_up,
        cast(coalesce(stops.vehicles_dropped_off, 0) as integer) as vehicles_dropped_off,
        cast(coalesce(reports.reports, 0) as integer) as reports,
        case
            when coalesce(judged.problem <> 'times_reversed', true)
                then {{ seconds_between('judged.opened_at', 'judged.started_at') }} / 60.0
        end as minutes_to_start,
        case
            when coalesce(judged.problem <> 'times_reversed', true)
                then {{ seconds_between('judged.opened_at', 'judged.completed_at') }} / 60.0
        end as minutes_to_complete,
        reports.first_reported_at,
        judged.opened_at,
        judged.started_at,
        judged.completed_at,
        judged.cancelled_at,
        judged.deleted_at,
        reads.known_until
    from judged
    left join reads on judged.system_id = reads.system_id
    left join stops
        on judged.system_id = stops.system_id and judged.work_order_id = stops.work_order_id
    left join reports
        on judged.system_id = reports.system_id and judged.work_order_id = reports.work_order_id
)

select * from final
