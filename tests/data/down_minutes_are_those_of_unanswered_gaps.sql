-- Days cut gaps into pieces: together these are as long as the gaps. One that has not ended counts
-- up to the last poll.
with last_polls as (
    select
        system_id,
        feed,
        max(fetched_at) as last_fetched_at
    from {{ ref('fct_feed_fetch') }}
    group by system_id, feed
),

gaps as (
    select
        gaps.system_id,
        gaps.feed,
        sum(
            {{ seconds_between(
                'gaps.started_at', 'coalesce(gaps.ended_at, last_polls.last_fetched_at)'
            ) }}
        ) / 60 as down_minutes
    from {{ ref('fct_feed_gap') }} as gaps
    inner join last_polls
        on gaps.system_id = last_polls.system_id and gaps.feed = last_polls.feed
    where gaps.kind = 'unanswered'
    group by gaps.system_id, gaps.feed
),

days as (
    select
        system_id,
        feed,
        sum(down_minutes) as down_minutes
    from {{ ref('mart_feed_quality_day') }}
    group by system_id, feed
),

final as (
    select
        system_id,
        feed,
        gaps.down_minutes as minutes_in_gaps,
        days.down_minutes as minutes_in_days
    from days
    full outer join gaps using (system_id, feed)
    where abs(coalesce(days.down_minutes, -1) - coalesce(gaps.down_minutes, 0)) >= 0.001
)

select * from final
