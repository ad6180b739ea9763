{{ config(materialized='incremental', unique_key=['system_id', 'fetched_on']) }}

-- Recomputed: the days of a system that were judged anew.
with fetches as (
    select * from {{ ref('int_feeds__fetches_judged') }}
    where built_at > {{ seen_until() }}
),

final as (
    select
        system_id,
        feed,
        fetched_on,
        cast(count(*) as integer) as polls,
        cast(count(*) filter (where is_usable) as integer) as usable_polls,
        cast(count(*) filter (where outcome = 'not_modified') as integer) as not_modified_polls,
        cast(count(*) filter (where is_repeat) as integer) as repeated_polls,
        cast(count(*) filter (where feed_condition = 'stale') as integer) as stale_polls,
        cast(count(*) filter (where feed_condition = 'frozen') as integer) as frozen_polls,
        cast(
            count(*) filter (
                where
                last_updated_at < previous_last_updated_at
                or age_s < -{{ var('clock_tolerance_s') }}
            ) as integer
        ) as clock_trouble_polls,
        cast(coalesce(sum(body_bytes), 0) as bigint) as body_bytes,
        cast(quantile_disc(age_s, 0.5) filter (where is_usable) as double) as median_age_s,
        cast(quantile_disc(age_s, 0.95) filter (where is_usable) as double) as p95_age_s,
        cast(quantile_disc(elapsed_ms, 0.95) as double) as p95_elapsed_ms,
        string_agg(distinct version_declared, ', ' order by version_declared)
        filter (where is_usable) as versions_declared,
        min(fetched_at) filter (where is_usable) as first_usable_at,
        max(fetched_at) filter (where is_usable) as last_usable_at,
        coalesce(
            arg_min(expected_interval_s, fetched_at) filter (where is_usable),
            arg_min(expected_interval_s, fetched_at)
        ) as first_interval_s,
        coalesce(
            arg_max(expected_interval_s, fetched_at) filter (where is_usable),
            arg_max(expected_interval_s, fetched_at)
        ) as last_interval_s,
        min(fetched_at) as first_attempt_at,
        max(fetched_at) as last_attempt_at,
        {{ built_at() }} as built_at
    from fetches
    group by system_id, feed, fetched_on
)

select * from final
