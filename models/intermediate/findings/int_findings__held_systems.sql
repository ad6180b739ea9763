{{ config(materialized='view') }}

-- Held back is a system with a severe finding on the last day that it was polled: its readers stay
-- on the last good generation until a day without one.
with findings as (
    select * from {{ ref('int_findings__daily') }}
),

last_days as (
    select
        system_id,
        max(fetched_on) as last_on
    from {{ ref('int_feeds__fetches_judged') }}
    group by system_id
),

severe as (
    select
        findings.system_id,
        findings.rule_id || ' ' || findings.object_id || ': ' || findings.evidence as reason
    from findings
    inner join last_days
        on
            findings.system_id = last_days.system_id
            and findings.found_on = last_days.last_on
    where findings.severity = 'severe'
),

final as (
    select
        system_id,
        min(reason) as reason
    from severe
    group by system_id
)

select * from final
