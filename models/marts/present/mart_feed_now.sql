-- The present of a system is its last poll, of whatever feed.
with fetches as (
    select
        *,
        max(fetched_at) over (partition by system_id) as as_of
    from {{ ref('fct_feed_fetch') }}
    where {{ within_last_days(ref('fct_feed_fetch'), 'fetched_on', var('anomaly_days')) }}
),

feeds as (
    select
        system_id,
        feed,
        max_by(outcome, fetched_at) as outcome,
        max_by(coalesce(feed_condition, 'ok'), fetched_at) filter (where is_usable)
            as feed_condition,
        max_by(version_declared, fetched_at) filter (where is_usable) as version_declared,
        max_by(expected_interval_s, fetched_at) as expected_interval_s,
        count(*) filter (where fetched_at > as_of - interval 1 hour) as polls,
        count(*) filter (where fetched_at > as_of - interval 1 hour and is_usable) as usable_polls,
        max_by(last_updated_at, fetched_at) filter (where is_usable) as last_updated_at,
        max(fetched_at) filter (where is_usable) as last_usable_at,
        max(fetched_at) as last_polled_at,
        max(as_of) as as_of
    from fetches
    group by system_id, feed
),

judged as (
    select
        *,
        {{ is_feed_gap('last_usable_at', 'as_of', 'expected_interval_s', 'expected_interval_s') }}
            as is_silent,
        {{ is_feed_gap('last_polled_at', 'as_of', 'expected_interval_s', 'expected_interval_s') }}
            as is_unpolled
    from feeds
),

final as (
    select
        system_id,
        feed,
        case
            when last_usable_at is null then 'never_usable'
            when is_unpolled then 'unpolled'
            when is_silent then 'unanswered'
            else feed_condition
        end as health,
        outcome,
        version_declared,
        expected_interval_s,
        cast(polls as integer) as polls_last_hour,
        cast(usable_polls as integer) as usable_last_hour,
        cast({{ seconds_between('last_updated_at', 'as_of') }} as double) as age_s,
        last_updated_at,
        last_usable_at,
        last_polled_at,
        as_of
    from judged
)

select * from final
