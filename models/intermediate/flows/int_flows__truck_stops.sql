{{ config(materialized='view') }}

-- Stops of trucks as work orders tell them, each with the station that its reference means.
with moves as (
    select * from {{ ref('stg_ops__move') }}
    where not is_deleted and kind in ('pick_up', 'drop_off') and moved_at is not null
),

final as (
    select
        moves.row_id as stop_id,
        moves.system_id,
        xref.station_sk,
        moves.work_order_id,
        moves.kind,
        moves.vehicles,
        moves.moved_at
    from moves
    left join {{ ref('dim_station_xref') }} as xref
        on
            moves.system_id = xref.system_id
            and xref.used_in = 'operations'
            and moves.station_ref = xref.station_ref
            and {{ is_in_version('moves.moved_at', 'xref') }}
)

select * from final
