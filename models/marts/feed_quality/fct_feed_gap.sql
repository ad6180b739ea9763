-- A gap within a day is told by the poll that ends it; one over midnight by the first and last
-- usable polls of days, however many days lie between. Unanswered is a gap in which the feed was
-- asked for, on the whole, as often as would have left no gap; else nobody polled.
with fetches as (
    select * from {{ ref('int_feeds__fetches_judged') }}
),

days as (
    select
        *,
        lag(last_usable_at) over in_order as gap_started_at,
        lag(last_interval_s) over in_order as previous_interval_s
    from {{ ref('int_feeds__days') }}
    where usable_polls > 0
    window in_order as (partition by system_id, feed order by fetched_on)
),

spans as (
    select
        system_id,
        feed,
        min(first_attempt_at) as first_attempt_at,
        min(first_usable_at) as first_usable_at,
        max(last_usable_at) as last_usable_at,
        max(last_attempt_at) as last_attempt_at,
        arg_min(first_interval_s, first_attempt_at) as first_interval_s,
        arg_max(last_interval_s, last_attempt_at) as last_interval_s
    from {{ ref('int_feeds__days') }}
    group by system_id, feed
),

gaps as (
    select
        system_id,
        feed,
        gap_started_at as started_at,
        fetched_at as ended_at,
        fetched_at as asked_until,
        expected_interval_s
    from fetches
    where is_after_gap
    union all
    select
        system_id,
        feed,
        gap_started_at as started_at,
        first_usable_at as ended_at,
        first_usable_at as asked_until,
        first_interval_s as expected_interval_s
    from days
    where
        {{ is_feed_gap(
            'gap_started_at', 'first_usable_at', 'previous_interval_s', 'first_interval_s'
        ) }}
    union all
    -- asked for in vain from the first on
    select
        system_id,
        feed,
        first_attempt_at as started_at,
        first_usable_at as ended_at,
        coalesce(first_usable_at, last_attempt_at) as asked_until,
        first_interval_s as expected_interval_s
    from spans
    where
        {{ is_feed_gap(
            'first_attempt_at', 'coalesce(first_usable_at, last_attempt_at)',
            'first_interval_s', 'first_interval_s'
        ) }}
    union all
    -- asked for since, in vain
    select
        system_id,
        feed,
        last_usable_at as started_at,
        null as ended_at,
        last_attempt_at as asked_until,
        last_interval_s as expected_interval_s
    from spans
    where
        {{ is_feed_gap(
            'last_usable_at', 'last_attempt_at', 'last_interval_s', 'last_interval_s'
        ) }}
),

failures as (
    select
        fetches.system_id,
        fetches.feed,
        gaps.started_at,
        count(*) as failed_polls,
        string_agg(distinct fetches.outcome, ', ' order by fetches.outcome) as outcomes
    from fetches
    asof inner join gaps
        on
            fetches.system_id = gaps.system_id
            and fetches.feed = gaps.feed
            and fetches.fetched_at >= gaps.started_at
    where not fetches.is_usable and (fetches.fetched_at < gaps.ended_at or gaps.ended_at is null)
    group by fetches.system_id, fetches.feed, gaps.started_at
),

-- of an episode only the first and the last poll
edges as (
    select
        *,
        case when is_condition_ended then next_usable_at else lead(next_usable_at) over in_order end
            as ended_at,
        case when is_condition_ended then fetched_at else lead(fetched_at) over in_order end
            as last_seen_at
    from fetches
    where is_condition_begun or is_condition_ended
    window in_order as (partition by system_id, feed, feed_condition order by fetched_at, fetch_id)
),

episodes as (
    select
        gaps.system_id,
        gaps.feed,
        case
            when
                {{ seconds_between('gaps.started_at', 'gaps.asked_until') }}
                <= (failures.failed_polls + 1)
                * {{ var('gap_intervals') }} * gaps.expected_interval_s
                then 'unanswered'
            else 'unpolled'
        end as kind,
        gaps.expected_interval_s,
        coalesce(failures.failed_polls, 0) as polls,
        failures.outcomes as reason,
        gaps.started_at,
        gaps.ended_at
    from gaps
    left join failures
        on
            gaps.system_id = failures.system_id
            and gaps.feed = failures.feed
            and gaps.started_at = failures.started_at
    union all
    select
        system_id,
        feed,
        feed_condition as kind,
        expected_interval_s,
        null as polls,
        case feed_condition
            when 'stale' then 'last_updated ' || last_updated_at
            else 'the same for ' || cast(round(unchanged_s / 60) as integer) || ' minutes'
        end as reason,
        fetched_at as started_at,
        coalesce(ended_at, last_seen_at) as ended_at
    from edges
    where is_condition_begun
),

final as (
    select
        {{ surrogate_key(['system_id', 'feed', 'kind', 'started_at']) }} as gap_id,
        system_id,
        feed,
        kind,
        reason,
        cast(polls as integer) as polls_failed,
        expected_interval_s,
        cast({{ seconds_between('started_at', 'ended_at') }} / 60 as double) as minutes,
        ended_at is null as is_open,
        started_at,
        ended_at
    from episodes
)

select * from final
