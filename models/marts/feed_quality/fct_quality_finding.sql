with findings as (
    select * from {{ ref('int_findings__daily') }}
),

final as (
    select
        {{ surrogate_key(['rule_id', 'system_id', 'object_kind', 'object_id', 'found_on']) }}
            as finding_id,
        rule_id,
        system_id,
        object_kind,
        object_id,
        severity,
        owner,
        evidence,
        fetch_id,
        occurrences,
        polls,
        found_on,
        first_found_at,
        last_found_at
    from findings
)

select * from final
