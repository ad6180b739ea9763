{{ config(materialized='table') }}

with states as (
    {{ ops_last_states(source('ops', 'ops_work_orders')) }}
),

final as (
    select
        row_id,
        system_id,
        work_order_id,
        {{ ops_word('kind') }} as kind,
        {{ ops_word('status') }} as status,
        station_ref,
        vehicle_id,
        {{ ops_time('opened_at') }} as opened_at,
        {{ ops_time('started_at') }} as started_at,
        {{ ops_time('completed_at') }} as completed_at,
        {{ ops_time('cancelled_at') }} as cancelled_at,
        is_gone as is_deleted,
        {{ ops_time('updated_at') }} as updated_at,
        seen_at,
        deleted_at
    from states
)

select * from final
