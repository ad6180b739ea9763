{{ config(
    materialized='incremental',
    incremental_strategy='append',
    post_hook="{{ forget_remade_outages() }}"
) }}

-- Pieces of days, joined over midnight. What is seen is interval-censored: the outage lasted at
-- least from its first to its last observation, and at most from the one before to the one after.
-- Two with nothing but a gap between them may have been one: the bounds of that one hold for both.
-- Made anew: what may have changed with the pieces of the days that silver computed anew, so that
-- a poll costs the same however long the history.
with touched as (
    {{ touched_outages(seen_until()) }}
),

{% if is_incremental() -%}
cuts as (
    {{ outage_cuts(this) }}
),
{%- endif %}

pieces as (
    select
        pieces.*,
        {{ fingerprint(['pieces.system_id', 'pieces.station_id', 'pieces.outage']) }}
            as series_number
    from {{ ref('int_stations__outage_pieces') }} as pieces
    inner join touched on pieces.system_id = touched.system_id
    {%- if is_incremental() %}
    left join cuts
        on
            pieces.system_id = cuts.system_id
            and pieces.station_id = cuts.station_id
            and pieces.outage = cuts.state
    {%- endif %}
    where
        pieces.outage is not null
        {%- if is_incremental() %}
        and pieces.first_observed_at >= least(cuts.first_observed_at, touched.first_at)
        {%- endif %}
),

neighbours as (
    select
        later.series_number,
        unnest([earlier.first_observed_at, later.first_observed_at]) as first_observed_at
    from pieces as later
    inner join pieces as earlier
        on
            later.series_number = earlier.series_number
            and later.earlier_seen_at = earlier.last_observed_at
),

-- most outages are of one piece, with none beside it: only the others have to be put in order
single as (
    select pieces.*
    from pieces
    anti join neighbours
        on
            pieces.series_number = neighbours.series_number
            and pieces.first_observed_at = neighbours.first_observed_at
),

beside as (
    select pieces.*
    from pieces
    semi join neighbours
        on
            pieces.series_number = neighbours.series_number
            and pieces.first_observed_at = neighbours.first_observed_at
),

compared as (
    select
        *,
        not coalesce(
            lag(last_observed_at) over in_order = previous_observed_at
            and {{ is_one_outage('previous_observed_at', 'first_observed_at') }},
            false
        ) as is_first
    from beside
    window in_order as (partition by series_number order by first_observed_at)
),

numbered as (
    select
        *,
        count(case when is_first then 1 end) over (
            partition by series_number
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
        any_value(series_number) as series_number,
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
    window in_order as (partition by series_number order by first_observed_at)
),

chained as (
    select
        *,
        count(case when not is_linked then 1 end) over (
            partition by series_number
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
        partition by series_number, chain_number
        order by first_observed_at
        rows between unbounded preceding and unbounded following
    )
),

united as (
    select
        system_id,
        station_id,
        outage,
        observations,
        first_observed_at,
        last_observed_at,
        earlier_seen_at,
        later_seen_at,
        expected_interval_s
    from single
    union all by name
    select * exclude (series_number, chain_number, is_linked) from bounded
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
        later_seen_at as next_observed_at,
        {{ built_at() }} as built_at
    from united
)

select * from final
