-- Minutes of work orders in a month for the rules that allow them so much time. Where an order
-- contradicts itself, or is gone from the operator's database, nothing is held against anybody.
with orders as (
    select
        system_id,
        kind || '_overdue_minutes' as rule_kind,
        opened_at as began_at,
        coalesce(completed_at, cancelled_at, known_until) as ended_at
    from {{ ref('fct_work_order') }}
    where
        not is_deleted
        and coalesce(problem = 'station_unknown', true)
        and opened_at < coalesce(completed_at, cancelled_at, known_until)
),

due as (
    select
        windows.sla_rule_sk,
        cast(date_trunc('month', windows.service_on) as date) as month_on,
        epoch_us(least(orders.ended_at, windows.window_ends_at))
        - epoch_us(greatest(orders.began_at, windows.window_starts_at)) as due_us,
        epoch_us(least(orders.ended_at, windows.window_ends_at))
        - greatest(
            epoch_us(orders.began_at) + cast(windows.grace_minutes * 60000000 as bigint),
            epoch_us(windows.window_starts_at)
        ) as overdue_us
    from {{ ref('int_clauses__windows') }} as windows
    inner join orders
        on
            windows.kind = orders.rule_kind
            and windows.system_id = orders.system_id
            and windows.window_ends_at > orders.began_at
            and windows.window_starts_at < orders.ended_at
),

final as (
    select
        sla_rule_sk,
        month_on,
        sum(due_us) / 60000000.0 as due_minutes,
        sum(due_us) / 60000000.0 as known_minutes,
        sum(greatest(overdue_us, 0)) / 60000000.0 as missed_minutes
    from due
    group by sla_rule_sk, month_on
)

select * from final
