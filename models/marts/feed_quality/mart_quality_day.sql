with findings as (
    select * from {{ ref('fct_quality_finding') }}
),

final as (
    select
        system_id,
        found_on,
        cast(count(*) as integer) as findings,
        cast(count(*) filter (where severity = 'severe') as integer) as severe_findings,
        cast(count(*) filter (where severity = 'high') as integer) as high_findings,
        cast(count(*) filter (where severity = 'medium') as integer) as medium_findings,
        cast(count(*) filter (where severity = 'low') as integer) as low_findings,
        cast(count(*) filter (where owner = 'operator') as integer) as operator_findings,
        cast(count(distinct rule_id) as integer) as rules_broken,
        cast(count(distinct object_id) filter (where object_kind = 'station') as integer)
            as stations_affected,
        string_agg(distinct rule_id, ', ' order by rule_id) as rules
    from findings
    group by system_id, found_on
)

select * from final
