{{ config(materialized='incremental', unique_key='fetch_id') }}

with status as (
    select * from {{ ref('stg_gbfs__station_status') }}
    where built_at > {{ seen_until() }}
),

final as (
    select
        fetch_id,
        count(*) as items,
        count(*) filter (where station_id is null) as items_without_station_id,
        count(*) filter (where vehicles_available is null) as items_without_vehicles,
        count(*) filter (
            where is_installed is null or is_renting is null or is_returning is null
        ) as items_without_flags,
        count(*) filter (where last_reported_at is null) as items_without_last_reported,
        max(built_at) as built_at
    from status
    group by fetch_id
)

select * from final
