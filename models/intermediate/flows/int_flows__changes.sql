{{ config(materialized='view') }}

-- How many vehicles of each type came to or left a station in a step. A vehicle that is disabled
-- or repaired where it stands is no longer or again among those to rent, but went nowhere: as many
-- are taken off what seems to have left or come, type by type.
with steps as (
    select * from {{ ref('int_flows__steps') }}
    where
        is_told
        and (vehicles_delta <> 0 or disabled_delta <> 0 or types_before <> types_after)
),

-- types are told apart where the counts of both observations add up
counted as (
    select
        *,
        types_before is not null and types_after is not null as is_typed
    from steps
),

counts as (
    select
        counted.station_sk,
        counted.started_at,
        {{ flow_types('counted.types_before', -1) }} as item
    from counted
    where counted.is_typed
    union all
    select
        counted.station_sk,
        counted.started_at,
        {{ flow_types('counted.types_after', 1) }} as item
    from counted
    where counted.is_typed
),

deltas as (
    select
        counts.station_sk,
        counts.started_at,
        coalesce(counts.item.vehicle_type_id, '*') as vehicle_type_id,
        sum(counts.item.count) as delta
    from counts
    group by counts.station_sk, counts.started_at, coalesce(counts.item.vehicle_type_id, '*')
    union all
    select
        station_sk,
        started_at,
        '*' as vehicle_type_id,
        vehicles_delta - disabled_delta as delta
    from counted
    where not is_typed
),

-- of those that left, how many had been passed when a type's turn came
queued as (
    select
        counted.*,
        deltas.vehicle_type_id,
        deltas.delta,
        greatest(-deltas.delta * sign(counted.disabled_delta), 0) as opposed,
        coalesce(sum(greatest(-deltas.delta * sign(counted.disabled_delta), 0)) over (
            partition by deltas.station_sk, deltas.started_at
            order by deltas.vehicle_type_id
            rows between unbounded preceding and 1 preceding
        ), 0) as opposed_before
    from deltas
    inner join counted
        on deltas.station_sk = counted.station_sk and deltas.started_at = counted.started_at
),

netted as (
    select
        *,
        delta + sign(disabled_delta)
        * least(opposed, greatest(abs(disabled_delta) - opposed_before, 0)) as vehicles
    from queued
),

final as (
    select
        station_sk,
        system_id,
        station_id,
        observed_on,
        vehicle_type_id,
        cast(greatest(-vehicles, 0) as integer) as departures,
        cast(greatest(vehicles, 0) as integer) as arrivals,
        previous_observed_at,
        started_at
    from netted
    where vehicles <> 0
)

select * from final
