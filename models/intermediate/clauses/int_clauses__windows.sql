-- When each rule of a system holds on each of its local days. Hours are those of the local clock.
with rules as (
    select * from {{ ref('dim_sla_rule') }}
),

days as (
    select * from {{ ref('int_clusters__days') }}
),

final as (
    select
        rules.sla_rule_sk,
        rules.rule_id,
        rules.kind,
        rules.grace_minutes,
        case rules.rate_per when 'hour' then rules.rate / 60 else rules.rate end as rate_per_minute,
        rules.currency,
        days.system_id,
        days.service_on,
        {{ local_hour('days.service_on', 'rules.window_from_hour', 'days.timezone') }}
            as window_starts_at,
        {{ local_hour('days.service_on', 'rules.window_to_hour', 'days.timezone') }}
            as window_ends_at
    from days
    inner join rules
        on
            days.system_id = rules.system_id
            and days.service_on >= rules.valid_from
            and coalesce(days.service_on < rules.valid_to, true)
            and contains(rules.weekdays, cast(isodow(days.service_on) as varchar))
)

select * from final
