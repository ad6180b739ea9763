{{ config(materialized='table') }}

with states as (
    {{ ops_last_states(source('ops', 'ops_inspections')) }}
),

final as (
    select
        row_id,
        system_id,
        inspection_id,
        work_order_id,
        station_ref,
        vehicle_id,
        {{ ops_word('result') }} as result,
        {{ ops_time('inspected_at') }} as inspected_at,
        is_gone as is_deleted,
        {{ ops_time('updated_at') }} as updated_at,
        seen_at,
        deleted_at
    from states
)

select * from final
