{{ config(materialized='incremental', unique_key=['system_id', 'fetched_on']) }}

-- One row per attempt, also where nothing is wrong: a day that is judged again after something
-- late has come replaces all that was said of it. Recomputed: the UTC days on which something
-- new was fetched, and the day after, whose first poll is compared with the last one before it.
with touched_days as (
    select distinct
        system_id,
        cast(fetched_at as date) as fetched_on
    from {{ ref('stg_gbfs__fetch') }}
    where built_at > {{ seen_until() }}
),

days as (
    select distinct
        touched_days.system_id,
        cast(touched_days.fetched_on + beside.distance as date) as fetched_on
    from touched_days
    cross join (values (0), (1)) as beside (distance)
),

days_read as (
    select distinct
        days.system_id,
        cast(days.fetched_on + beside.distance as date) as fetched_on
    from days
    cross join (values (-1), (0)) as beside (distance)
),

fetches as (
    select
        fetches.*,
        cast(fetches.fetched_at as date) as fetched_on
    from {{ ref('stg_gbfs__fetch') }} as fetches
    inner join days_read
        on
            fetches.system_id = days_read.system_id
            and cast(fetches.fetched_at as date) = days_read.fetched_on
),

shapes as (
    select * from {{ ref('int_feeds__shapes_judged') }}
),

payloads as (
    select * from {{ ref('int_feeds__station_payloads') }}
),

feeds as (
    select * from {{ ref('gbfs_feeds') }}
),

sequenced as (
    select
        *,
        lag(last_updated_at) over in_order as previous_last_updated_at,
        lag(fetched_at) over in_order as previous_fetched_at
    from fetches
    window in_order as (
        partition by system_id, feed, is_json and last_updated_at is not null
        order by fetched_at, fetch_id
    )
),

final as (
    select
        sequenced.fetch_id,
        sequenced.system_id,
        sequenced.feed,
        sequenced.url,
        sequenced.origin,
        case
            when sequenced.http_status = 304 then 'not_modified'
            when sequenced.error is not null and sequenced.error <> 'not_utf8'
                then sequenced.error
            when not sequenced.is_json then 'not_json'
            when feeds.has_stations and sequenced.item_shape is null then 'no_items'
            else 'ok'
        end as outcome,
        sequenced.error,
        sequenced.is_json,
        sequenced.sha256,
        sequenced.version_declared,
        shapes.major_version_detected,
        shapes.schema_breach,
        feeds.max_age_s,
        payloads.items,
        coalesce(payloads.items_without_station_id, 0)
        + coalesce(payloads.items_without_vehicles, 0)
        + coalesce(payloads.items_without_flags, 0)
        + coalesce(payloads.items_without_last_reported, 0)
        + case
            when sequenced.is_json and sequenced.error is null and sequenced.last_updated_at is null
                then 1
            else 0
        end as fields_missing,
        sequenced.http_status,
        sequenced.elapsed_ms,
        sequenced.body_bytes,
        sequenced.expected_interval_s,
        sequenced.ttl_s,
        {{ seconds_between('sequenced.last_updated_at', 'sequenced.fetched_at') }} as age_s,
        sequenced.requested_at,
        sequenced.fetched_at,
        sequenced.fetched_on,
        sequenced.last_updated_at,
        case
            when
                {{ seconds_between('sequenced.previous_fetched_at', 'sequenced.fetched_at') }}
                <= {{ var('gap_limit_s') }}
                then sequenced.previous_last_updated_at
        end as previous_last_updated_at,
        {{ built_at() }} as built_at
    from sequenced
    inner join days
        on
            sequenced.system_id = days.system_id
            and sequenced.fetched_on = days.fetched_on
    left join feeds on sequenced.feed = feeds.feed
    left join payloads on sequenced.fetch_id = payloads.fetch_id
    left join shapes
        on
            sequenced.feed = shapes.feed
            and sequenced.version_declared is not distinct from shapes.version_declared
            and sequenced.item_shape = shapes.item_shape
)

select * from final
