{{ config(materialized='table') }}

with states as (
    {{ ops_last_states(source('ops', 'ops_rider_reports')) }}
),

final as (
    select
        row_id,
        system_id,
        report_id,
        work_order_id,
        station_ref,
        vehicle_id,
        {{ ops_word('category') }} as category,
        {{ ops_word('status') }} as status,
        rider_id,
        {{ ops_time('reported_at') }} as reported_at,
        {{ ops_time('resolved_at') }} as resolved_at,
        is_gone as is_deleted,
        {{ ops_time('updated_at') }} as updated_at,
        seen_at,
        deleted_at
    from states
)

select * from final
