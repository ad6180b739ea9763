{{ config(materialized='incremental', unique_key=['system_id', 'fetched_on']) }}

-- Recomputed: the days of a system that silver judged anew.
with fetches as (
    select * from {{ ref('int_feeds__fetches_judged') }}
    where built_at > {{ seen_until() }}
),

final as (
    select
        fetch_id,
        system_id,
        feed,
        url,
        origin,
        outcome,
        feed_condition,
        is_usable,
        is_repeat,
        is_after_gap,
        sha256,
        version_declared,
        major_version_detected,
        http_status,
        elapsed_ms,
        body_bytes,
        items,
        fields_missing,
        schema_errors,
        expected_interval_s,
        ttl_s,
        cast(age_s as double) as age_s,
        cast(unchanged_s as double) as unchanged_s,
        requested_at,
        fetched_at,
        fetched_on,
        last_updated_at,
        {{ built_at() }} as built_at
    from fetches
)

select * from final
