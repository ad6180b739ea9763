-- How often a slow feed served a content on a UTC day.
with polls as (
    select * from {{ ref('int_feeds__fetches_judged') }}
    where is_usable and feed in ('station_information')
),

final as (
    select
        system_id,
        feed,
        content_id,
        fetched_on,
        count(*) as polls,
        min(fetch_id) as first_fetch_id,
        min(fetched_at) as first_seen_at,
        max(fetched_at) as last_seen_at
    from polls
    group by system_id, feed, content_id, fetched_on
)

select * from final
