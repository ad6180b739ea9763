-- What a move did for its station: minutes without a vehicle or a dock in the whole hours before
-- and after the one in which it was made.
with moves as (
    select
        *,
        date_trunc('hour', latest_at) as hour_at
    from {{ ref('fct_rebalancing_move') }}
    where is_move
),

hours as (
    select * from {{ ref('mart_station_hour') }}
),

beside as (
    select
        moves.rebalancing_move_id,
        hours.hour_starts_at < moves.hour_at as is_before,
        hours.observed_minutes,
        hours.empty_minutes,
        hours.full_minutes
    from moves
    inner join hours
        on
            moves.station_sk = hours.station_sk
            and moves.hour_at <> hours.hour_starts_at
            and moves.hour_at >= hours.hour_starts_at - to_hours({{ var('effect_hours') }})
            and moves.hour_at <= hours.hour_starts_at + to_hours({{ var('effect_hours') }})
),

summed as (
    select
        rebalancing_move_id,
        {{ sum_of_minutes_where('observed_minutes', 'is_before') }} as observed_before,
        {{ sum_of_minutes_where('empty_minutes', 'is_before') }} as empty_before,
        {{ sum_of_minutes_where('full_minutes', 'is_before') }} as full_before,
        {{ sum_of_minutes_where('observed_minutes', 'not is_before') }} as observed_after,
        {{ sum_of_minutes_where('empty_minutes', 'not is_before') }} as empty_after,
        {{ sum_of_minutes_where('full_minutes', 'not is_before') }} as full_after
    from beside
    group by rebalancing_move_id
),

final as (
    select
        moves.rebalancing_move_id,
        moves.station_sk,
        moves.system_id,
        moves.station_id,
        moves.work_order_id,
        moves.kind,
        moves.delta,
        moves.p_rebalance,
        {{ var('effect_hours') }} as hours,
        coalesce(summed.observed_before, 0) as observed_minutes_before,
        coalesce(summed.empty_before, 0) as empty_minutes_before,
        coalesce(summed.full_before, 0) as full_minutes_before,
        coalesce(summed.observed_after, 0) as observed_minutes_after,
        coalesce(summed.empty_after, 0) as empty_minutes_after,
        coalesce(summed.full_after, 0) as full_minutes_after,
        moves.latest_at as moved_at
    from moves
    left join summed on moves.rebalancing_move_id = summed.rebalancing_move_id
)

select * from final
