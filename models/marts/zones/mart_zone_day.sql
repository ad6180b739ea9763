-- Shares come from sums of minutes, never from averages of averages. A station that moved, and a
-- zone that began or ended on the day, counts for the whole of it.
with zones as (
    select * from {{ ref('dim_zone') }}
),

systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

station_days as (
    select
        station_days.*,
        {{ local_midnight('station_days.service_on', 'systems.timezone') }} as starts_at,
        {{ local_midnight('cast(station_days.service_on + 1 as date)', 'systems.timezone') }}
            as ends_at
    from {{ ref('mart_station_day') }} as station_days
    inner join systems on station_days.system_id = systems.system_id
),

members as (
    select distinct
        bridge.zone_sk,
        station_days.station_sk,
        station_days.service_on
    from station_days
    inner join {{ ref('bridge_station_zone') }} as bridge
        on
            station_days.station_sk = bridge.station_sk
            and station_days.ends_at > bridge.valid_from
            and coalesce(station_days.starts_at < bridge.valid_to, true)
),

docked as (
    select
        members.zone_sk,
        members.service_on,
        cast(count(*) as integer) as stations,
        {{ sum_of_minutes('station_days.day_minutes') }} as station_minutes,
        {{ sum_of_minutes('station_days.observed_minutes') }} as observed_minutes,
        {{ sum_of_minutes('station_days.available_minutes') }} as available_minutes,
        {{ sum_of_minutes('station_days.dock_available_minutes') }} as dock_available_minutes,
        {{ sum_of_minutes('station_days.empty_minutes') }} as empty_minutes,
        {{ sum_of_minutes('station_days.full_minutes') }} as full_minutes
    from members
    inner join station_days
        on
            members.station_sk = station_days.station_sk
            and members.service_on = station_days.service_on
    group by members.zone_sk, members.service_on
),

fleet as (
    select
        hourly.zone_sk,
        cast((hourly.hour_at at time zone 'UTC') at time zone systems.timezone as date)
            as service_on,
        {{ sum_of_minutes('hourly.available_minutes') }} as free_available_minutes,
        {{ sum_of_minutes('hourly.reserved_minutes') }} as free_reserved_minutes,
        {{ sum_of_minutes('hourly.disabled_minutes') }} as free_disabled_minutes,
        sum({{ millionths('hourly.expected_trips') }}) / 1000000.0 as expected_trips
    from {{ ref('fct_fleet_hourly') }} as hourly
    inner join systems on hourly.system_id = systems.system_id
    where hourly.placement = 'free' and hourly.zone_sk is not null
    group by all
),

joined as (
    select
        coalesce(docked.zone_sk, fleet.zone_sk) as zone_sk,
        coalesce(docked.service_on, fleet.service_on) as service_on,
        docked.* exclude (zone_sk, service_on),
        fleet.* exclude (zone_sk, service_on)
    from docked
    full outer join fleet
        on docked.zone_sk = fleet.zone_sk and docked.service_on = fleet.service_on
),

covered as (
    select
        joined.*,
        zones.system_id,
        zones.zone_kind,
        zones.zone_name,
        100 * joined.observed_minutes / joined.station_minutes as coverage_pct
    from joined
    inner join zones on joined.zone_sk = zones.zone_sk
),

final as (
    select
        zone_sk,
        system_id,
        zone_kind,
        zone_name,
        service_on,
        coalesce(stations, 0) as stations,
        coalesce(station_minutes, 0) as station_minutes,
        coalesce(observed_minutes, 0) as observed_minutes,
        coalesce(coverage_pct, 0) as coverage_pct,
        coalesce(available_minutes, 0) as available_minutes,
        coalesce(dock_available_minutes, 0) as dock_available_minutes,
        coalesce(empty_minutes, 0) as empty_minutes,
        coalesce(full_minutes, 0) as full_minutes,
        coalesce(free_available_minutes, 0) as free_available_minutes,
        coalesce(free_reserved_minutes, 0) as free_reserved_minutes,
        coalesce(free_disabled_minutes, 0) as free_disabled_minutes,
        coalesce(expected_trips, 0) as expected_trips,
        {{ when_covered('100 * available_minutes / observed_minutes') }} as availability_pct,
        {{ when_covered('100 * dock_available_minutes / observed_minutes') }}
            as dock_availability_pct
    from covered
)

select * from final
