-- Jumps that may be a truck's, and the stop of a work order that fits: of the same kind, at the
-- same station, nearest in time. The probability does not know of work orders, so that one can be
-- held against the other.
with jumps as (
    select * from {{ ref('int_flows__jumps') }}
    where p_rebalance >= {{ var('jump_probability') }}
),

stops as (
    select
        *,
        case when kind = 'pick_up' then -1 else 1 end as direction
    from {{ ref('int_flows__truck_stops') }}
),

fitting as (
    select
        jumps.station_sk,
        jumps.previous_observed_at,
        stops.stop_id,
        stops.work_order_id,
        row_number() over (
            partition by jumps.station_sk, jumps.previous_observed_at
            order by
                abs(epoch_us(stops.moved_at) - epoch_us(jumps.ended_at)) asc, stops.stop_id asc
        ) as place
    from jumps
    inner join stops
        on
            jumps.station_sk = stops.station_sk
            and sign(jumps.delta) = stops.direction
            and stops.moved_at
            >= jumps.previous_observed_at - interval {{ var('work_order_minutes') }} minute
            and stops.moved_at
            <= jumps.ended_at + interval {{ var('work_order_minutes') }} minute
),

final as (
    select
        {{ surrogate_key(['jumps.station_sk', 'jumps.previous_observed_at']) }}
            as rebalancing_move_id,
        jumps.station_sk,
        jumps.system_id,
        jumps.station_id,
        fitting.work_order_id,
        fitting.stop_id as work_order_stop_id,
        case when jumps.delta < 0 then 'pick_up' else 'drop_off' end as kind,
        jumps.p_rebalance >= {{ var('move_probability') }} as is_move,
        jumps.p_rebalance,
        jumps.partner_probability,
        jumps.delta,
        jumps.expected_vehicles,
        jumps.residual_z,
        jumps.previous_observed_at as earliest_at,
        jumps.ended_at as latest_at
    from jumps
    left join fitting
        on
            jumps.station_sk = fitting.station_sk
            and jumps.previous_observed_at = fitting.previous_observed_at
            and fitting.place = 1
)

select * from final
