with rides as (
    select * from {{ ref('int_trips__rides') }}
),

reasons as (
    select
        file_id,
        line,
        min(rule_id) as rule_id,
        arg_min(evidence, rule_id) as evidence,
        string_agg(rule_id, ', ' order by rule_id) as rule_ids
    from {{ ref('int_trips__breaches') }}
    where is_quarantined
    group by file_id, line
),

final as (
    select
        rides.file_id,
        rides.line,
        rides.system_id,
        rides.trip_id,
        rides.ride_id,
        reasons.rule_id,
        reasons.rule_ids,
        reasons.evidence,
        rides.started_at,
        rides.ended_at
    from reasons
    inner join rides on reasons.file_id = rides.file_id and reasons.line = rides.line
)

select * from final
