{{ config(materialized='table') }}

with states as (
    {{ ops_last_states(source('ops', 'ops_moves')) }}
),

final as (
    select
        row_id,
        system_id,
        move_id,
        try_cast(stop as integer) as stop,
        work_order_id,
        {{ ops_word('kind') }} as kind,
        station_ref,
        try_cast(vehicles as integer) as vehicles,
        {{ ops_time('moved_at') }} as moved_at,
        is_gone as is_deleted,
        {{ ops_time('updated_at') }} as updated_at,
        seen_at,
        deleted_at
    from states
)

select * from final
