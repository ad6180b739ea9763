-- The stations of a system are parted in two: those in an equity area, and all others. A station in
-- two equity areas counts once. Shares come from sums of minutes.
with systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

bridge as (
    select * from {{ ref('bridge_station_zone') }}
    where zone_kind = 'equity_area'
),

-- a system without equity areas has no gap
station_days as (
    select
        station_days.*,
        {{ local_midnight('station_days.service_on', 'systems.timezone') }} as starts_at,
        {{ local_midnight('cast(station_days.service_on + 1 as date)', 'systems.timezone') }}
            as ends_at
    from {{ ref('mart_station_day') }} as station_days
    inner join systems on station_days.system_id = systems.system_id
    where station_days.system_id in (select bridge.system_id from bridge)
),

parted as (
    select
        station_days.*,
        exists(
            select 1
            from bridge
            where
                bridge.station_sk = station_days.station_sk
                and station_days.ends_at > bridge.valid_from
                and coalesce(station_days.starts_at < bridge.valid_to, true)
        ) as is_equity
    from station_days
),

summed as (
    select
        system_id,
        service_on,
        cast(count(case when is_equity then 1 end) as integer) as equity_stations,
        cast(count(case when not is_equity then 1 end) as integer) as other_stations,
        {{ minutes_if('is_equity', 'day_minutes') }} as equity_station_minutes,
        {{ minutes_if('is_equity', 'observed_minutes') }} as equity_observed_minutes,
        {{ minutes_if('is_equity', 'available_minutes') }} as equity_available_minutes,
        {{ minutes_if('not is_equity', 'day_minutes') }} as other_station_minutes,
        {{ minutes_if('not is_equity', 'observed_minutes') }} as other_observed_minutes,
        {{ minutes_if('not is_equity', 'available_minutes') }} as other_available_minutes
    from parted
    group by system_id, service_on
),

covered as (
    select
        *,
        100 * equity_observed_minutes / nullif(equity_station_minutes, 0) as equity_coverage_pct,
        100 * other_observed_minutes / nullif(other_station_minutes, 0) as other_coverage_pct
    from summed
),

shares as (
    select
        *,
        {{ when_covered(
            '100 * equity_available_minutes / equity_observed_minutes', 'equity_coverage_pct'
        ) }} as equity_availability_pct,
        {{ when_covered(
            '100 * other_available_minutes / other_observed_minutes', 'other_coverage_pct'
        ) }} as other_availability_pct
    from covered
),

final as (
    select
        system_id,
        service_on,
        equity_stations,
        other_stations,
        equity_station_minutes,
        equity_observed_minutes,
        equity_available_minutes,
        other_station_minutes,
        other_observed_minutes,
        other_available_minutes,
        equity_coverage_pct,
        other_coverage_pct,
        equity_availability_pct,
        other_availability_pct,
        other_availability_pct - equity_availability_pct as equity_availability_gap_pct
    from shares
)

select * from final
