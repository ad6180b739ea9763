{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- Jumps: several vehicles that came to a station, or left it, within moments. Were they riders'?
-- Riders are taken to come at the pace seen in the hour and a half on either side; a truck to come
-- once a day, with any load up to its size. What both make of the jump gives its odds; another one
-- elsewhere that fits it as the other end of a move raises them, its absence lowers them.
-- Recomputed: the UTC days on which steps were computed anew. Jumps end at midnight UTC; their
-- surroundings reach into the days beside them, of which silver computes anew what may differ.
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
    cross join (values (-1), (0), (1)) as beside (distance)
),

steps as (
    select
        steps.station_sk,
        steps.system_id,
        steps.station_id,
        steps.observed_on,
        steps.previous_observed_at,
        steps.started_at,
        case when steps.is_told then steps.vehicles_delta else 0 end as delta,
        case
            when steps.is_told
                then epoch_us(steps.started_at) - epoch_us(steps.previous_observed_at)
            else 0
        end
        + case
            when steps.is_steady_told
                then epoch_us(steps.last_observed_at) - epoch_us(steps.started_at)
            else 0
        end as told_us
    from {{ ref('int_flows__steps') }} as steps
    inner join days_read
        on steps.system_id = days_read.system_id and steps.observed_on = days_read.observed_on
),

surrounded as (
    select
        *,
        sum(greatest(delta, 0)) over around as arrivals_around,
        sum(greatest(-delta, 0)) over around as departures_around,
        sum(told_us) over around as told_us_around
    from steps
    window around as (
        partition by station_sk
        order by started_at
        range between interval {{ var('jump_around_minutes') }} minute preceding
        and interval {{ var('jump_around_minutes') }} minute following
    )
),

-- one load may take a truck several polls
changes as (
    select
        *,
        coalesce(
            sign(delta) = sign(lag(delta) over in_order)
            and {{ seconds_between('lag(started_at) over in_order', 'started_at') }}
            <= {{ var('jump_pause_s') }},
            false
        ) as is_continued
    from surrounded
    where delta <> 0
    window in_order as (partition by station_sk, observed_on order by started_at)
),

numbered as (
    select
        *,
        count(case when not is_continued then 1 end) over (
            partition by station_sk, observed_on
            order by started_at
            rows between unbounded preceding and current row
        ) as jump_number
    from changes
),

jumps as (
    select
        station_sk,
        system_id,
        station_id,
        observed_on,
        sum(delta) as delta,
        min(previous_observed_at) as previous_observed_at,
        max(started_at) as ended_at,
        arg_min(
            case when delta > 0 then arrivals_around else departures_around end, started_at
        ) as vehicles_around,
        arg_min(told_us_around, started_at) as told_us_around
    from numbered
    group by station_sk, system_id, station_id, observed_on, jump_number
    having abs(sum(delta)) >= {{ var('jump_least') }}
),

paced as (
    select
        *,
        {{ seconds_between('previous_observed_at', 'ended_at') }} as seconds,
        (greatest(vehicles_around - abs(delta), 0) + 0.5)
        * {{ seconds_between('previous_observed_at', 'ended_at') }} * 1000000.0
        / greatest(told_us_around, 1) as expected
    from jumps
),

weighed as (
    select
        *,
        {{ move_log_odds('abs(delta)', 'expected', 'seconds') }} as log_odds
    from paced
),

-- both ends of what may be one move; buckets of time keep the join small
pick_ups as (
    select
        *,
        unnest([{{ move_bucket('ended_at') }}, {{ move_bucket('ended_at') }} + 1]) as bucket
    from weighed
    where delta < 0
),

drop_offs as (
    select
        *,
        {{ move_bucket('ended_at') }} as bucket
    from weighed
    where delta > 0
),

pairs as (
    select
        pick_ups.station_sk as from_station_sk,
        pick_ups.previous_observed_at as from_at,
        pick_ups.log_odds as from_log_odds,
        drop_offs.station_sk as to_station_sk,
        drop_offs.previous_observed_at as to_at,
        drop_offs.log_odds as to_log_odds
    from pick_ups
    inner join drop_offs
        on pick_ups.system_id = drop_offs.system_id and pick_ups.bucket = drop_offs.bucket
    where
        pick_ups.station_sk <> drop_offs.station_sk
        and drop_offs.ended_at between pick_ups.ended_at
        and pick_ups.ended_at + interval {{ var('move_minutes') }} minute
        and abs(pick_ups.delta + drop_offs.delta)
        <= greatest(2, 0.3 * greatest(-pick_ups.delta, drop_offs.delta))
),

ends as (
    select
        from_station_sk as station_sk,
        from_at as previous_observed_at,
        to_log_odds as other_log_odds
    from pairs
    union all
    select
        to_station_sk as station_sk,
        to_at as previous_observed_at,
        from_log_odds as other_log_odds
    from pairs
),

paired as (
    select
        station_sk,
        previous_observed_at,
        max(1 / (1 + exp(-other_log_odds))) as partner_probability
    from ends
    group by station_sk, previous_observed_at
),

told as (
    select
        weighed.station_sk,
        weighed.system_id,
        weighed.station_id,
        weighed.observed_on,
        cast(weighed.delta as integer) as delta,
        weighed.expected as expected_vehicles,
        (abs(weighed.delta) - weighed.expected) / sqrt(weighed.expected) as residual_z,
        coalesce(paired.partner_probability, 0) as partner_probability,
        weighed.log_odds,
        1 / (1 + exp(-(
            weighed.log_odds
            + {{ var('move_pair_weight') }} * coalesce(paired.partner_probability, 0)
            - {{ var('move_alone_weight') }} * (1 - coalesce(paired.partner_probability, 0))
        ))) as p_rebalance,
        weighed.previous_observed_at,
        weighed.ended_at
    from weighed
    inner join touched_days
        on
            weighed.system_id = touched_days.system_id
            and weighed.observed_on = touched_days.observed_on
    left join paired
        on
            weighed.station_sk = paired.station_sk
            and weighed.previous_observed_at = paired.previous_observed_at
),

-- a day without a jump keeps a row: what followed from an earlier one has to go
final as (
    select
        touched_days.system_id,
        touched_days.observed_on,
        told.station_sk,
        told.station_id,
        told.delta,
        told.expected_vehicles,
        told.residual_z,
        told.partner_probability,
        told.log_odds,
        told.p_rebalance,
        told.previous_observed_at,
        told.ended_at,
        {{ built_at() }} as built_at
    from touched_days
    left join told
        on
            touched_days.system_id = told.system_id
            and touched_days.observed_on = told.observed_on
)

select * from final
