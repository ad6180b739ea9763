-- Minutes of feeds in a month for the rules about feeds. Whether a feed answered in time that was
-- polled is known; whether it was fresh is known only of its answers.
with windows as (
    select * from {{ ref('int_clauses__windows') }}
    where kind in ('feed_fresh_share', 'feed_answering_share')
),

feed_spans as (
    select
        feed_days.system_id,
        feed_days.feed,
        min(feed_days.first_usable_at) as began_at,
        max(feed_days.last_attempt_at) as ended_at
    from {{ ref('int_feeds__days') }} as feed_days
    inner join {{ ref('gbfs_feeds') }} as feeds on feed_days.feed = feeds.feed
    where feeds.max_age_s is not null
    group by feed_days.system_id, feed_days.feed
),

feed_windows as (
    select
        windows.sla_rule_sk,
        windows.kind,
        cast(date_trunc('month', windows.service_on) as date) as month_on,
        feed_spans.system_id,
        feed_spans.feed,
        greatest(windows.window_starts_at, feed_spans.began_at) as from_at,
        least(windows.window_ends_at, feed_spans.ended_at) as until_at
    from windows
    inner join feed_spans
        on
            windows.system_id = feed_spans.system_id
            and windows.window_ends_at > feed_spans.began_at
            and windows.window_starts_at < feed_spans.ended_at
    where
        windows.kind = 'feed_fresh_share'
        or windows.kind = 'feed_answering_share' and feed_spans.feed = 'station_status'
),

feeds_due as (
    select
        sla_rule_sk,
        month_on,
        sum(epoch_us(until_at) - epoch_us(from_at)) / 60000000.0 as due_minutes
    from feed_windows
    group by sla_rule_sk, month_on
),

gaps as (
    select
        feed_windows.sla_rule_sk,
        feed_windows.month_on,
        gaps.kind,
        epoch_us(least(coalesce(gaps.ended_at, feed_windows.until_at), feed_windows.until_at))
        - epoch_us(greatest(gaps.started_at, feed_windows.from_at)) as microseconds
    from feed_windows
    inner join {{ ref('fct_feed_gap') }} as gaps
        on
            feed_windows.system_id = gaps.system_id
            and feed_windows.feed = gaps.feed
            and feed_windows.until_at > gaps.started_at
            and feed_windows.from_at < coalesce(gaps.ended_at, feed_windows.until_at)
),

gap_minutes as (
    select
        sla_rule_sk,
        month_on,
        {{ minutes_where("kind = 'unpolled'") }} as unpolled_minutes,
        {{ minutes_where("kind = 'unanswered'") }} as unanswered_minutes,
        {{ minutes_where("kind = 'stale'") }} as stale_minutes
    from gaps
    group by sla_rule_sk, month_on
),

kinds as (
    select distinct
        sla_rule_sk,
        kind
    from windows
),

final as (
    select
        feeds_due.sla_rule_sk,
        feeds_due.month_on,
        feeds_due.due_minutes,
        feeds_due.due_minutes - coalesce(gap_minutes.unpolled_minutes, 0)
        - case
            when kinds.kind = 'feed_fresh_share' then coalesce(gap_minutes.unanswered_minutes, 0)
            else 0
        end as known_minutes,
        case
            when kinds.kind = 'feed_fresh_share' then coalesce(gap_minutes.stale_minutes, 0)
            else coalesce(gap_minutes.unanswered_minutes, 0)
        end as missed_minutes
    from feeds_due
    inner join kinds on feeds_due.sla_rule_sk = kinds.sla_rule_sk
    left join gap_minutes
        on
            feeds_due.sla_rule_sk = gap_minutes.sla_rule_sk
            and feeds_due.month_on = gap_minutes.month_on
)

select * from final
