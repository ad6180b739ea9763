{{ config(materialized='incremental', unique_key=['system_id', 'fetched_on']) }}

-- One row per attempt, also where nothing is wrong: a day that is judged again after something
-- late has come replaces all that was said of it. Recomputed: the UTC days on which something
-- new was fetched, and the days beside them, whose first and last polls are compared with those
-- of this day. No comparison reaches further than half a day.
with touched_days as (
    select
        answers.system_id,
        cast(answers.fetched_at as date) as fetched_on
    from {{ ref('int_feeds__answers') }} as answers
    where
        answers.built_at > {{ seen_until() }}
        -- by a schema that was added after the document
        or answers.content_id in (
            select judged.content_id from {{ ref('int_feeds__schemas_judged') }} as judged
            where judged.built_at > {{ seen_until() }}
        )
    group by all
),

days as (
    select distinct
        touched_days.system_id,
        cast(touched_days.fetched_on + beside.distance as date) as fetched_on
    from touched_days
    cross join (values (-1), (0), (1)) as beside (distance)
),

days_read as (
    select distinct
        days.system_id,
        cast(days.fetched_on + beside.distance as date) as fetched_on
    from days
    cross join (values (-1), (0), (1)) as beside (distance)
),

answers as (
    select
        answers.*,
        answers.outcome in ('ok', 'not_modified') as is_usable,
        days_read.fetched_on
    from {{ ref('int_feeds__answers') }} as answers
    inner join days_read
        on
            answers.system_id = days_read.system_id
            and cast(answers.fetched_at as date) = days_read.fetched_on
),

shapes as (
    select * from {{ ref('int_feeds__shapes_judged') }}
),

payloads as (
    select * from {{ ref('int_feeds__station_payloads') }}
),

schemas as (
    select * from {{ ref('int_feeds__schemas_judged') }}
),

-- polls without a usable answer say nothing of the feed's clock or content
sequenced as (
    select
        *,
        lag(content_id) over in_order as previous_content_id,
        lag(fetched_at) over in_order as previous_usable_at,
        lead(fetched_at) over in_order as next_usable_at,
        lag(expected_interval_s) over in_order as previous_interval_s,
        lag(last_updated_at ignore nulls) over in_order as previous_last_updated_at,
        lag(case when last_updated_at is not null then fetched_at end ignore nulls) over in_order
            as previous_updated_seen_at
    from answers
    window in_order as (
        partition by system_id, feed, is_usable
        order by fetched_at, fetch_id
    )
),

compared as (
    select
        * exclude (previous_last_updated_at, previous_updated_seen_at, next_usable_at),
        case
            when {{ is_near('previous_updated_seen_at', 'fetched_at') }}
                then previous_last_updated_at
        end as previous_last_updated_at,
        case
            when is_usable and {{ is_near('fetched_at', 'next_usable_at') }} then next_usable_at
        end as next_usable_at,
        is_usable
        and coalesce(
            cast(previous_usable_at as date) = fetched_on
            and {{ is_feed_gap(
                'previous_usable_at', 'fetched_at', 'previous_interval_s', 'expected_interval_s'
            ) }},
            false
        ) as is_after_gap,
        is_usable
        and coalesce(
            content_id = previous_content_id
            and {{ is_near('previous_usable_at', 'fetched_at') }},
            false
        ) as is_repeat,
        {{ seconds_between('last_updated_at', 'fetched_at') }} as age_s
    from sequenced
),

-- since when the feed has said the same; null where that is longer than half a day
begun as (
    select
        *,
        max(case when not is_repeat then fetched_at end) over recently as said_since
    from compared
    window recently as (
        partition by system_id, feed, is_usable
        order by fetched_at
        range between interval {{ var('gap_limit_s') }} second preceding and current row
    )
),

lasting as (
    select
        *,
        case
            when not is_repeat then 0
            when said_since is null then {{ var('gap_limit_s') }}
            else {{ seconds_between('said_since', 'fetched_at') }}
        end as unchanged_s
    from begun
),

-- vehicles that do not tell when they last reported, or none at all, can be the same for hours
conditioned as (
    select
        *,
        case
            when not is_usable then null
            when age_s > max_age_s then 'stale'
            when
                max_age_s is not null
                and unchanged_s > {{ var('repeat_limit_s') }}
                and {{ shape_type('item_shape', "'last_reported'") }} is not null
                then 'frozen'
        end as feed_condition
    from lasting
),

edged as (
    select
        *,
        feed_condition is not null
        and coalesce(
            lag(feed_condition) over in_order is distinct from feed_condition
            or not {{ is_near('previous_usable_at', 'fetched_at') }},
            true
        ) as is_condition_begun,
        feed_condition is not null
        and coalesce(
            lead(feed_condition) over in_order is distinct from feed_condition
            or next_usable_at is null,
            true
        ) as is_condition_ended
    from conditioned
    window in_order as (
        partition by system_id, feed, is_usable
        order by fetched_at, fetch_id
    )
),

final as (
    select
        edged.fetch_id,
        edged.system_id,
        edged.feed,
        edged.url,
        edged.origin,
        edged.outcome,
        edged.error,
        edged.is_json,
        edged.is_usable,
        edged.content_id,
        edged.sha256,
        edged.version_declared,
        shapes.major_version_detected,
        shapes.schema_breach,
        schemas.errors as schema_errors,
        schemas.evidence as schema_evidence,
        payloads.items,
        coalesce(payloads.items_without_station_id, 0)
        + coalesce(payloads.items_without_vehicles, 0)
        + coalesce(payloads.items_without_flags, 0)
        + coalesce(payloads.items_without_last_reported, 0)
        + case
            when edged.is_json and edged.error is null and edged.last_updated_at is null then 1
            else 0
        end as fields_missing,
        edged.http_status,
        edged.elapsed_ms,
        edged.body_bytes,
        edged.expected_interval_s,
        edged.ttl_s,
        edged.max_age_s,
        edged.age_s,
        edged.unchanged_s,
        edged.is_repeat,
        edged.is_after_gap,
        edged.feed_condition,
        edged.is_condition_begun,
        edged.is_condition_ended,
        edged.requested_at,
        edged.fetched_at,
        edged.fetched_on,
        edged.last_updated_at,
        edged.previous_last_updated_at,
        case when edged.is_after_gap then edged.previous_usable_at end as gap_started_at,
        edged.next_usable_at,
        {{ built_at() }} as built_at
    from edged
    inner join days
        on
            edged.system_id = days.system_id
            and edged.fetched_on = days.fetched_on
    left join payloads on edged.body_fetch_id = payloads.fetch_id
    left join schemas
        on
            edged.content_id = schemas.content_id
            and coalesce(edged.version_declared, '1.0') = schemas.schema_version
    left join shapes
        on
            edged.feed = shapes.feed
            and edged.version_declared is not distinct from shapes.version_declared
            and edged.item_shape = shapes.item_shape
)

select * from final
