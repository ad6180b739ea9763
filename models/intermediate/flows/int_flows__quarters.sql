{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- What differences of polls show of each quarter of an hour: how many vehicles of a type came and
-- left, what trucks moved apart, and how much of the time was seen. Counts are shared out over the
-- quarters that a step covers in millionths, whose sum does not depend on their order.
-- Recomputed: the UTC days on which steps were computed anew. The first step of a day may begin
-- in the last quarter of the day before.
with touched_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('int_flows__steps') }}
    where built_at > {{ seen_until() }}
),

days_read as (
    select distinct
        touched_days.system_id,
        cast(touched_days.observed_on + beside.distance as date) as observed_on
    from touched_days
    cross join (values (0), (1)) as beside (distance)
),

steps as (
    select steps.*
    from {{ ref('int_flows__steps') }} as steps
    inner join days_read
        on steps.system_id = days_read.system_id and steps.observed_on = days_read.observed_on
),

-- a step, and the time after it in which polls showed no change
pieces as (
    select
        station_sk,
        system_id,
        station_id,
        is_told,
        1 as comparisons,
        previous_observed_at as from_at,
        started_at as to_at
    from steps
    where is_told
    union all
    select
        station_sk,
        system_id,
        station_id,
        is_steady_told as is_told,
        observations - 1 as comparisons,
        started_at as from_at,
        last_observed_at as to_at
    from steps
),

cut_pieces as (
    {{ cut_into_quarters('pieces') }}
),

told as (
    select
        station_sk,
        system_id,
        station_id,
        starts_at,
        sum(case when is_told then piece_us else 0 end) as told_us,
        sum(case when is_told then {{ share_of_piece('comparisons') }} else 0 end)
            as comparison_millionths
    from cut_pieces
    group by station_sk, system_id, station_id, starts_at
),

-- polls at which the feed only said what it had said long ago
outdated as (
    select
        system_id,
        {{ quarter_of('fetched_at') }} as starts_at,
        1.0 * count(case when feed_condition is not null then 1 end) / count(*) as share_outdated
    from {{ ref('int_feeds__fetches_judged') }}
    where feed = 'station_status' and is_usable
    group by system_id, {{ quarter_of('fetched_at') }}
    having count(feed_condition) > 0
),

covered as (
    select
        told.station_sk,
        told.system_id,
        told.station_id,
        told.starts_at,
        cast(told.starts_at as date) as observed_on,
        told.told_us * (1 - coalesce(outdated.share_outdated, 0)) as told_us,
        told.comparison_millionths * (1 - coalesce(outdated.share_outdated, 0)) / 1000000.0
            as comparisons
    from told
    inner join touched_days
        on
            told.system_id = touched_days.system_id
            and cast(told.starts_at as date) = touched_days.observed_on
    left join outdated
        on told.system_id = outdated.system_id and told.starts_at = outdated.starts_at
),

moves as (
    select * from {{ ref('int_flows__jumps') }}
    where p_rebalance >= {{ var('move_probability') }}
),

changes as (
    select
        changes.station_sk,
        changes.vehicle_type_id,
        changes.departures,
        changes.arrivals,
        moves.station_sk is not null as is_moved,
        changes.previous_observed_at as from_at,
        changes.started_at as to_at
    from {{ ref('int_flows__changes') }} as changes
    inner join days_read
        on changes.system_id = days_read.system_id and changes.observed_on = days_read.observed_on
    left join moves
        on
            changes.station_sk = moves.station_sk
            and changes.previous_observed_at >= moves.previous_observed_at
            and changes.started_at <= moves.ended_at
),

cut_changes as (
    {{ cut_into_quarters('changes') }}
),

shared as (
    select
        station_sk,
        vehicle_type_id,
        starts_at,
        is_moved,
        {{ share_of_piece('departures') }} as departures,
        {{ share_of_piece('arrivals') }} as arrivals
    from cut_changes
),

flows as (
    select
        station_sk,
        vehicle_type_id,
        starts_at,
        sum(case when is_moved then 0 else departures end) / 1000000.0 as departures,
        sum(case when is_moved then 0 else arrivals end) / 1000000.0 as arrivals,
        sum(case when is_moved then departures else 0 end) / 1000000.0 as moved_out,
        sum(case when is_moved then arrivals else 0 end) / 1000000.0 as moved_in
    from shared
    group by station_sk, vehicle_type_id, starts_at
),

-- the types that a station has, though none of them may move
listed as (
    select
        steps.station_sk,
        steps.observed_on,
        {{ flow_types('arg_max(steps.types_after, steps.started_at)', 1) }} as item
    from steps
    group by steps.station_sk, steps.observed_on
),

types as (
    select distinct
        station_sk,
        cast(starts_at as date) as observed_on,
        vehicle_type_id
    from flows
    union
    select
        listed.station_sk,
        listed.observed_on,
        coalesce(listed.item.vehicle_type_id, '*') as vehicle_type_id
    from listed
),

final as (
    select
        covered.station_sk,
        covered.system_id,
        covered.station_id,
        covered.observed_on,
        covered.starts_at,
        coalesce(types.vehicle_type_id, '*') as vehicle_type_id,
        covered.told_us,
        covered.comparisons,
        coalesce(flows.departures, 0) as departures,
        coalesce(flows.arrivals, 0) as arrivals,
        coalesce(flows.moved_out, 0) as moved_out,
        coalesce(flows.moved_in, 0) as moved_in,
        {{ built_at() }} as built_at
    from covered
    left join types
        on covered.station_sk = types.station_sk and covered.observed_on = types.observed_on
    left join flows
        on
            covered.station_sk = flows.station_sk
            and covered.starts_at = flows.starts_at
            and types.vehicle_type_id = flows.vehicle_type_id
)

select * from final
