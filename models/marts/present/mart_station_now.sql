-- Where a station's bikes are going is told by the last half an hour.
with recent as (
    select * from {{ ref('int_stations__recent') }}
),

states as (
    select
        *,
        max(ended_at) over (partition by system_id) as as_of,
        lead(started_at) over in_order is null as is_present,
        -- a short hole, and it goes on
        coalesce(
            lag(state) over in_order <> state
            or {{ seconds_between('lag(ended_at) over in_order', 'started_at') }}
            > {{ var('flow_gap_s') }}, true
        ) as is_change
    from {{ ref('fct_station_state') }}
    where {{ within_last_days(ref('fct_station_state'), 'observed_on', var('anomaly_days')) }}
    window in_order as (partition by station_sk order by started_at)
),

dated as (
    select
        *,
        max(case when is_change then started_at end) over (partition by station_sk) as state_since
    from states
),

present as (
    select * from dated
    where is_present
),

stations as (
    select * from {{ ref('dim_station') }}
    where is_current and is_listed
),

paced as (
    select
        stations.station_sk,
        stations.system_id,
        stations.station_id,
        stations.short_name,
        stations.station_name,
        stations.lat,
        stations.lon,
        stations.capacity,
        present.state,
        present.is_stale,
        present.is_operable,
        present.vehicles_available,
        present.vehicles_disabled,
        present.docks_available,
        present.state_since,
        present.ended_at as observed_at,
        present.as_of,
        case
            when present.ended_at = present.as_of
                then
                    (latest.vehicles - earlier.vehicles) * 3600.0
                    / {{ seconds_between('earlier.moment_at', 'latest.moment_at') }}
        end as vehicles_per_hour
    from stations
    inner join present on stations.station_sk = present.station_sk
    left join recent as latest
        on stations.station_sk = latest.station_sk and latest.step = 0
    left join recent as earlier
        on stations.station_sk = earlier.station_sk and earlier.step = 7
),

final as (
    select
        station_sk,
        system_id,
        station_id,
        short_name,
        station_name,
        state,
        is_stale,
        is_operable,
        lat,
        lon,
        capacity,
        vehicles_available,
        vehicles_disabled,
        docks_available,
        cast(vehicles_per_hour as double) as vehicles_per_hour,
        cast(
            case
                when vehicles_per_hour < 0 and state in ('open', 'full')
                    then vehicles_available * 60.0 / -vehicles_per_hour
            end as double
        ) as minutes_to_empty,
        cast(
            case
                when vehicles_per_hour > 0 and state in ('open', 'empty')
                    then docks_available * 60.0 / vehicles_per_hour
            end as double
        ) as minutes_to_full,
        state_since,
        observed_at,
        as_of
    from paced
)

select * from final
