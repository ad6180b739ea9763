-- Inferred departures of a service day beside official ones: in those hours and at those stations
-- that polls saw well, on days of which there are trips.
with systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

trips as (
    select
        *,
        date_trunc('hour', started_at) as starts_at
    from {{ ref('fct_trip') }}
),

trip_days as (
    select
        system_id,
        service_on,
        count(*) as trips,
        count(start_station_id) as trips_with_ref,
        count(case when start_station_id is not null then start_station_sk end) as trips_resolved
    from trips
    group by system_id, service_on
),

trip_hours as (
    select
        start_station_sk as station_sk,
        starts_at,
        count(*) as trips
    from trips
    where start_station_sk is not null
    group by start_station_sk, starts_at
),

flow_hours as (
    select
        hours.*,
        cast((hours.starts_at at time zone 'UTC') at time zone systems.timezone as date)
            as service_on
    from {{ ref('int_flows__hours') }} as hours
    inner join systems on hours.system_id = systems.system_id
),

flow_days as (
    select
        flow_hours.system_id,
        flow_hours.service_on,
        count(*) as hours,
        count(case when flow_hours.is_seen then 1 end) as hours_seen,
        coalesce(sum(case when flow_hours.is_seen then trip_hours.trips end), 0) as trips_compared,
        {{ sum_of_counts('case when flow_hours.is_seen then flow_hours.dep_raw else 0 end') }}
            as dep_raw,
        {{ sum_of_counts('case when flow_hours.is_seen then flow_hours.dep_cal else 0 end') }}
            as dep_cal,
        {{ sum_of_counts('case when flow_hours.is_seen then flow_hours.cal_error else 0 end') }}
            as cal_error
    from flow_hours
    left join trip_hours
        on
            flow_hours.station_sk = trip_hours.station_sk
            and flow_hours.starts_at = trip_hours.starts_at
    group by flow_hours.system_id, flow_hours.service_on
),

final as (
    select
        flow_days.system_id,
        flow_days.service_on,
        trip_days.trips,
        trip_days.trips_with_ref,
        trip_days.trips_resolved,
        flow_days.hours,
        flow_days.hours_seen,
        flow_days.trips_compared,
        flow_days.dep_raw,
        flow_days.dep_cal,
        flow_days.cal_error
    from flow_days
    left join trip_days
        on
            flow_days.system_id = trip_days.system_id
            and flow_days.service_on = trip_days.service_on
)

select * from final
