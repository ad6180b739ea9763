{{ config(materialized='view') }}

-- An answer 304 says what the document it stands for said, and is judged by that.
with fetches as (
    select * from {{ ref('stg_gbfs__fetch') }}
),

unchanged as (
    select * from {{ ref('int_feeds__unchanged') }}
),

resolved as (
    select
        fetches.fetch_id,
        coalesce(unchanged.body_fetch_id, fetches.fetch_id) as body_fetch_id,
        coalesce(bodies.content_id, fetches.content_id) as content_id,
        fetches.system_id,
        fetches.feed,
        fetches.url,
        fetches.origin,
        fetches.etag,
        fetches.sha256,
        fetches.error,
        fetches.is_json,
        coalesce(bodies.version_declared, fetches.version_declared) as version_declared,
        fetches.last_updated_type,
        coalesce(bodies.item_shape, fetches.item_shape) as item_shape,
        fetches.http_status,
        fetches.elapsed_ms,
        fetches.body_bytes,
        fetches.expected_interval_s,
        coalesce(bodies.ttl_s, fetches.ttl_s) as ttl_s,
        fetches.requested_at,
        fetches.fetched_at,
        coalesce(bodies.last_updated_at, fetches.last_updated_at) as last_updated_at,
        fetches.landed_at,
        coalesce(unchanged.built_at, fetches.built_at) as built_at
    from fetches
    left join unchanged on fetches.fetch_id = unchanged.fetch_id
    left join fetches as bodies on unchanged.body_fetch_id = bodies.fetch_id
),

feeds as (
    select * from {{ ref('gbfs_feeds') }}
),

final as (
    select
        resolved.*,
        feeds.max_age_s,
        case
            when resolved.http_status = 304 then 'not_modified'
            when resolved.error is not null and resolved.error <> 'not_utf8' then resolved.error
            when not resolved.is_json then 'not_json'
            when feeds.has_stations and resolved.item_shape is null then 'no_items'
            else 'ok'
        end as outcome
    from resolved
    left join feeds on resolved.feed = feeds.feed
)

select * from final
