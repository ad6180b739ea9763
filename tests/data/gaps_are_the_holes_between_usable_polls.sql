-- Gaps are put together from polls of one day and from days. Told from all polls in a row they are
-- the same. A gap that is open, or before a feed's first answer, has no usable poll on its other
-- side and is left out here.
with polls as (
    select
        system_id,
        feed,
        fetched_at,
        expected_interval_s,
        lag(fetched_at) over in_order as previous_usable_at,
        lag(expected_interval_s) over in_order as previous_interval_s
    from {{ ref('fct_feed_fetch') }}
    where is_usable
    window in_order as (partition by system_id, feed order by fetched_at, fetch_id)
),

holes as (
    select
        system_id,
        feed,
        previous_usable_at as started_at,
        fetched_at as ended_at
    from polls
    where
        {{ is_feed_gap(
            'previous_usable_at', 'fetched_at', 'previous_interval_s', 'expected_interval_s'
        ) }}
),

first_polls as (
    select
        system_id,
        feed,
        min(fetched_at) as first_usable_at
    from polls
    group by system_id, feed
),

gaps as (
    select
        gaps.gap_id,
        gaps.system_id,
        gaps.feed,
        gaps.started_at,
        gaps.ended_at
    from {{ ref('fct_feed_gap') }} as gaps
    inner join first_polls
        on gaps.system_id = first_polls.system_id and gaps.feed = first_polls.feed
    where
        gaps.kind in ('unpolled', 'unanswered')
        and gaps.ended_at > first_polls.first_usable_at
),

final as (
    select
        system_id,
        feed,
        started_at,
        ended_at,
        gaps.gap_id
    from holes
    full outer join gaps using (system_id, feed, started_at, ended_at)
    where holes.system_id is null or gaps.system_id is null
)

select * from final
