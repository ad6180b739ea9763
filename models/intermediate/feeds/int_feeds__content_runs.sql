-- What a slow feed said, and from when until when: only polls at which that changed begin a row.
-- Made anew by every build: these feeds are asked seldom, and late polls move the borders. An
-- answer 304 whose document is not known says nothing.
with polls as (
    select
        system_id,
        feed,
        content_id,
        fetched_at
    from {{ ref('int_feeds__fetches_judged') }}
    where
        is_usable
        and content_id is not null
        and feed in (
            'station_information', 'vehicle_types', 'system_pricing_plans', 'system_regions',
            'geofencing_zones'
        )
),

compared as (
    select
        *,
        coalesce(lag(content_id) over in_order <> content_id, true) as is_changed,
        coalesce(lead(content_id) over in_order <> content_id, true) as is_last,
        lead(fetched_at) over in_order as next_fetched_at
    from polls
    window in_order as (partition by system_id, feed order by fetched_at, content_id)
),

paired as (
    select
        *,
        case when is_last then fetched_at else lead(fetched_at) over in_order end as last_seen_at,
        case when is_last then next_fetched_at else lead(next_fetched_at) over in_order end
            as followed_at
    from compared
    where is_changed or is_last
    window in_order as (partition by system_id, feed order by fetched_at, content_id)
),

final as (
    select
        system_id,
        feed,
        content_id,
        cast(row_number() over in_order as integer) as run_number,
        fetched_at as first_seen_at,
        last_seen_at,
        followed_at
    from paired
    where is_changed
    window in_order as (partition by system_id, feed order by fetched_at, content_id)
)

select * from final
