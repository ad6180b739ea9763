{{ config(materialized='table') }}

with states as (
    {{ ops_last_states(source('ops', 'ops_vehicles')) }}
),

final as (
    select
        row_id,
        system_id,
        vehicle_id,
        vehicle_type,
        {{ ops_word('status') }} as status,
        {{ ops_time('in_service_at') }} as in_service_at,
        {{ ops_time('retired_at') }} as retired_at,
        is_gone as is_deleted,
        {{ ops_time('updated_at') }} as updated_at,
        seen_at,
        deleted_at
    from states
)

select * from final
