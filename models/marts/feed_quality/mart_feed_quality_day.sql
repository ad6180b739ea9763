-- Every UTC day from a feed's first to its last, those without a poll among them: a hole shows.
with days as (
    select * from {{ ref('int_feeds__days') }}
),

spans as (
    select
        system_id,
        feed,
        min(fetched_on) as first_on,
        max(fetched_on) as last_on,
        min(first_usable_at) as first_usable_at,
        max(last_usable_at) as last_usable_at,
        max(last_attempt_at) as last_attempt_at
    from days
    group by system_id, feed
),

calendar as (
    select
        spans.system_id,
        spans.feed,
        cast(series.day as date) as fetched_on
    from spans
    cross join lateral unnest(
        generate_series(cast(spans.first_on as timestamp), spans.last_on, interval 1 day)
    ) as series (day)
),

-- a gap that has not ended is known until the last poll
gaps as (
    select
        gaps.system_id,
        gaps.feed,
        gaps.kind,
        gaps.started_at,
        coalesce(gaps.ended_at, spans.last_attempt_at) as ended_at
    from {{ ref('fct_feed_gap') }} as gaps
    inner join spans on gaps.system_id = spans.system_id and gaps.feed = spans.feed
    where gaps.kind in ('unpolled', 'unanswered')
),

known as (
    select
        spans.system_id,
        spans.feed,
        least(min(spans.first_usable_at), min(gaps.started_at)) as known_from,
        greatest(max(spans.last_usable_at), max(gaps.ended_at)) as known_until
    from spans
    left join gaps on spans.system_id = gaps.system_id and spans.feed = gaps.feed
    group by spans.system_id, spans.feed
),

-- before anything is known of a feed, and after, it was not polled either
unseen as (
    select
        system_id,
        feed,
        kind,
        started_at,
        ended_at
    from gaps
    union all
    select
        system_id,
        feed,
        'unpolled' as kind,
        timestamp '1970-01-01' as started_at,
        coalesce(known_from, timestamp '9999-12-31') as ended_at
    from known
    union all
    select
        system_id,
        feed,
        'unpolled' as kind,
        known_until as started_at,
        timestamp '9999-12-31' as ended_at
    from known
    where known_until is not null
),

missed as (
    select
        calendar.system_id,
        calendar.feed,
        calendar.fetched_on,
        unseen.kind,
        epoch_us(least(unseen.ended_at, cast(calendar.fetched_on + 1 as timestamp)))
        - epoch_us(greatest(unseen.started_at, cast(calendar.fetched_on as timestamp)))
            as microseconds
    from calendar
    inner join unseen
        on
            calendar.system_id = unseen.system_id
            and calendar.feed = unseen.feed
            and unseen.started_at < cast(calendar.fetched_on + 1 as timestamp)
            and unseen.ended_at > cast(calendar.fetched_on as timestamp)
),

minutes_missed as (
    select
        system_id,
        feed,
        fetched_on,
        {{ minutes_where("kind = 'unpolled'") }} as unpolled_minutes,
        {{ minutes_where("kind = 'unanswered'") }} as down_minutes,
        {{ minutes_where("true") }} as missed_minutes
    from missed
    group by system_id, feed, fetched_on
),

measured as (
    select
        calendar.system_id,
        calendar.feed,
        calendar.fetched_on,
        days.polls,
        days.usable_polls,
        days.not_modified_polls,
        days.repeated_polls,
        days.stale_polls,
        days.frozen_polls,
        days.clock_trouble_polls,
        days.versions_declared,
        days.median_age_s,
        days.p95_age_s,
        days.p95_elapsed_ms,
        days.body_bytes,
        days.first_usable_at,
        days.last_usable_at,
        1440 - coalesce(minutes_missed.missed_minutes, 0) as up_minutes,
        coalesce(minutes_missed.down_minutes, 0) as down_minutes,
        coalesce(minutes_missed.unpolled_minutes, 0) as unpolled_minutes
    from calendar
    left join days
        on
            calendar.system_id = days.system_id
            and calendar.feed = days.feed
            and calendar.fetched_on = days.fetched_on
    left join minutes_missed
        on
            calendar.system_id = minutes_missed.system_id
            and calendar.feed = minutes_missed.feed
            and calendar.fetched_on = minutes_missed.fetched_on
),

covered as (
    select
        *,
        100 * up_minutes / 1440 as coverage_pct,
        100 * (up_minutes + down_minutes) / 1440 as polled_pct
    from measured
),

final as (
    select
        system_id,
        feed,
        fetched_on,
        coalesce(polls, 0) as polls,
        coalesce(usable_polls, 0) as usable_polls,
        coalesce(not_modified_polls, 0) as not_modified_polls,
        coalesce(polls - usable_polls, 0) as failed_polls,
        coalesce(repeated_polls, 0) as repeated_polls,
        coalesce(stale_polls, 0) as stale_polls,
        coalesce(frozen_polls, 0) as frozen_polls,
        coalesce(clock_trouble_polls, 0) as clock_trouble_polls,
        versions_declared,
        up_minutes,
        down_minutes,
        unpolled_minutes,
        coverage_pct,
        polled_pct,
        {{ when_covered('100 * up_minutes / (up_minutes + down_minutes)', 'polled_pct') }}
            as uptime_pct,
        {{ when_covered('median_age_s') }} as median_age_s,
        {{ when_covered('p95_age_s') }} as p95_age_s,
        {{ when_covered('p95_elapsed_ms', 'polled_pct') }} as p95_elapsed_ms,
        coalesce(body_bytes, 0) as body_bytes,
        first_usable_at,
        last_usable_at
    from covered
)

select * from final
