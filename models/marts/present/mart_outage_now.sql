with stations as (
    select * from {{ ref('mart_station_now') }}
),

final as (
    select
        station_sk,
        system_id,
        station_id,
        station_name,
        case when state in ('empty', 'full', 'out_of_service') then state else 'stale' end as state,
        cast({{ seconds_between('state_since', 'observed_at') }} / 60 as double) as minutes,
        state_since as since,
        observed_at,
        as_of
    from stations
    where state in ('empty', 'full', 'out_of_service') or is_stale
)

select * from final
