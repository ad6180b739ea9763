-- Pieces of days, joined over midnight. What is seen is interval-censored: the outage lasted at
-- least from its first to its last observation, and at most from the one before to the one after.
-- Two with nothing but a gap between them may have been one: the bounds of that one hold for both.
with pieces as (
    select * from {{ ref('int_stations__outage_pieces') }}
    where outage is not null
),

compared as (
    select
        *,
        not coalesce(
            lag(last_observed_at) over in_order = previous_observed_at
            and {{ is_one_outage('previous_observed_at', 'first_observed_at') }},
            false
        ) as is_first
    from pieces
    window in_order as (
        partition by system_id, station_id, outage order by first_observed_at
    )
),

numbered as (
    select
        *,
        count(case when is_first then 1 end) over (
            partition by system_id, station_id, outage
            order by first_observed_at
            rows between unbounded preceding and current row
        ) as episode_number
    from compared
),

episodes as (
    select
        system_id,
        station_id,
        outage,
        sum(observations) as observations,
        min(first_observed_at) as first_observed_at,
        max(last_observed_at) as last_observed_at,
        arg_min_null(earlier_seen_at, first_observed_at) as earlier_seen_at,
        arg_max_null(later_seen_at, first_observed_at) as later_seen_at,
        arg_min(expected_interval_s, first_observed_at) as expected_interval_s
    from numbered
    group by system_id, station_id, outage, episode_number
),

linked as (
    select
        *,
        coalesce(lag(last_observed_at) over in_order = earlier_seen_at, false) as is_linked
    from episodes
    window in_order as (
        partition by system_id, station_id, outage order by first_observed_at
    )
),

chained as (
    select
        *,
        count(case when not is_linked then 1 end) over (
            partition by system_id, station_id, outage
            order by first_observed_at
            rows between unbounded preceding and current row
        ) as chain_number
    from linked
),

bounded as (
    select
        * exclude (earlier_seen_at, later_seen_at),
        first_value(earlier_seen_at) over whole_chain as earlier_seen_at,
        last_value(later_seen_at) over whole_chain as later_seen_at
    from chained
    window whole_chain as (
        partition by system_id, station_id, outage, chain_number
        order by first_observed_at
        rows between unbounded preceding and unbounded following
    )
),

final as (
    select
        {{ surrogate_key(['system_id', 'station_id', 'outage', 'first_observed_at']) }}
            as outage_id,
        {{ surrogate_key(['system_id', 'station_id']) }} as station_sk,
        system_id,
        station_id,
        outage as state,
        cast(observations as integer) as observations,
        cast(expected_interval_s as integer) as expected_interval_s,
        cast({{ seconds_between('first_observed_at', 'last_observed_at') }} / 60 as double)
            as minutes_lo,
        cast({{ seconds_between('earlier_seen_at', 'later_seen_at') }} / 60 as double)
            as minutes_hi,
        earlier_seen_at is null as is_censored_left,
        later_seen_at is null as is_censored_right,
        first_observed_at,
        last_observed_at,
        earlier_seen_at as previous_observed_at,
        later_seen_at as next_observed_at
    from bounded
)

select * from final
