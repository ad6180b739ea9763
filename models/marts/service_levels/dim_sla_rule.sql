-- A rule applies to a system while both the rule and its contract with that system are valid. A
-- contract without a system applies to all of them.
with rules as (
    select * from {{ ref('sla_rules') }}
),

contracts as (
    select * from {{ ref('sla_contracts') }}
),

systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

final as (
    select
        {{ surrogate_key([
            'systems.system_id', 'rules.rule_id',
            'greatest(rules.valid_from, contracts.applies_from)'
        ]) }} as sla_rule_sk,
        rules.rule_id,
        rules.contract_id,
        systems.system_id,
        contracts.contract_name,
        rules.rule_name,
        rules.clause,
        rules.kind,
        rules.comparison,
        rules.threshold,
        rules.unit,
        rules.window_from_hour,
        rules.window_to_hour,
        rules.weekdays,
        rules.grace_minutes,
        rules.rate,
        rules.rate_per,
        rules.currency,
        rules.is_illustrative,
        rules.source,
        contracts.note,
        greatest(rules.valid_from, contracts.applies_from) as valid_from,
        least(rules.valid_to, contracts.applies_to) as valid_to
    from rules
    inner join contracts on rules.contract_id = contracts.contract_id
    inner join systems
        on contracts.system_id = systems.system_id or contracts.system_id is null
    where
        coalesce(rules.valid_from < contracts.applies_to, true)
        and coalesce(contracts.applies_from < rules.valid_to, true)
)

select * from final
