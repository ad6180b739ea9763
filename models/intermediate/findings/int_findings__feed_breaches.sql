{{ config(materialized='view') }}

-- One row per poll and rule that it breaks, with the values that show it.
with fetches as (
    select * from {{ ref('int_feeds__fetches_judged') }}
),

r1_schema as (
    select
        'R1' as rule_id,
        *,
        coalesce(
            schema_breach,
            schema_errors || ' errors by the JSON Schema: ' || nullif(schema_evidence, ''),
            fields_missing || ' required values missing or mistyped'
        ) as evidence
    from fetches
    where schema_breach is not null or schema_errors > 0 or fields_missing > 0
),

r2_version as (
    select
        'R2' as rule_id,
        *,
        'declared ' || coalesce(version_declared, 'none (1.0)')
        || ', served ' || major_version_detected || '.x' as evidence
    from fetches
    where major_version_detected <> left(coalesce(version_declared, '1.0'), 1)
),

r3_readable as (
    select
        'R3' as rule_id,
        *,
        outcome || ', ' || coalesce(body_bytes, 0) || ' bytes' as evidence
    from fetches
    where outcome in ('empty_body', 'not_json')
),

r4_clock as (
    select
        'R4' as rule_id,
        *,
        'last_updated ' || last_updated_at
        || case
            when last_updated_at < previous_last_updated_at
                then ', before it ' || previous_last_updated_at
            else ', fetched ' || fetched_at
        end as evidence
    from fetches
    where
        last_updated_at < previous_last_updated_at
        or age_s < -{{ var('clock_tolerance_s') }}
),

r5_freshness as (
    select
        'R5' as rule_id,
        *,
        cast(round(age_s) as bigint) || ' s old' as evidence
    from fetches
    where age_s > max_age_s
),

r7_repeated as (
    select
        'R7' as rule_id,
        *,
        'the same for ' || cast(round(unchanged_s / 60) as bigint)
        || ' minutes, while last_updated goes on' as evidence
    from fetches
    where feed_condition = 'frozen'
),

r8_not_found as (
    select
        'R8' as rule_id,
        *,
        outcome as evidence
    from fetches
    where http_status in (404, 410)
),

final as (
    select * from r1_schema
    union all by name
    select * from r2_version
    union all by name
    select * from r3_readable
    union all by name
    select * from r4_clock
    union all by name
    select * from r5_freshness
    union all by name
    select * from r7_repeated
    union all by name
    select * from r8_not_found
)

select
    rule_id,
    system_id,
    feed,
    fetched_on,
    fetched_at,
    fetch_id,
    evidence,
    built_at
from final
