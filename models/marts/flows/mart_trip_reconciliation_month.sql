-- What feeds, trip files and work orders say of the same month, held against each other.
with days as (
    select
        *,
        cast(date_trunc('month', service_on) as date) as month_on
    from {{ ref('int_flows__compared_days') }}
),

systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

-- the vehicles at all stations at four in the morning, when few are on the road
nights as (
    select
        system_id,
        service_on,
        cast(date_trunc('month', service_on) as date) as month_on,
        {{ sum_of_counts('mean_vehicles_available') }} as fleet
    from {{ ref('mart_station_hour') }}
    where service_hour = 4
    group by system_id, service_on
    having count(mean_vehicles_available) >= {{ var('nights_share') }} * count(*)
),

placed_nights as (
    select
        *,
        row_number() over (partition by system_id, month_on order by service_on asc) as place,
        row_number() over (partition by system_id, month_on order by service_on desc) as place_back
    from nights
),

-- of three nights the middle one: a feed may err for a night
fleets as (
    select
        system_id,
        month_on,
        median(case when place <= 3 then fleet end) as fleet_first,
        median(case when place_back <= 3 then fleet end) as fleet_last
    from placed_nights
    group by system_id, month_on
),

stops as (
    select
        stops.*,
        cast(
            date_trunc('month', (stops.moved_at at time zone 'UTC') at time zone systems.timezone)
            as date
        ) as month_on
    from {{ ref('int_flows__truck_stops') }} as stops
    inner join systems on stops.system_id = systems.system_id
),

hours_seen as (
    select * from {{ ref('int_flows__hours') }}
    where is_seen
),

moves as (
    select distinct work_order_stop_id from {{ ref('fct_rebalancing_move') }}
    where is_move
),

-- a stop that polls could see, and that is no smaller than what is taken for one
stop_months as (
    select
        stops.system_id,
        stops.month_on,
        sum(case stops.kind when 'pick_up' then -stops.vehicles else stops.vehicles end)
            as put_into_service,
        count(hours_seen.station_sk) as truck_stops,
        count(case when hours_seen.station_sk is not null then moves.work_order_stop_id end)
            as truck_stops_found
    from stops
    left join hours_seen
        on
            stops.station_sk = hours_seen.station_sk
            and date_trunc('hour', stops.moved_at) = hours_seen.starts_at
            and stops.vehicles >= {{ var('jump_least') }}
    left join moves on stops.stop_id = moves.work_order_stop_id
    group by stops.system_id, stops.month_on
),

compared as (
    select
        system_id,
        month_on,
        count(trips) as days_compared,
        coalesce(sum(trips), 0) as trips,
        coalesce(sum(trips_with_ref), 0) as trips_with_ref,
        coalesce(sum(trips_resolved), 0) as trips_resolved,
        coalesce(sum(case when trips is not null then trips_compared end), 0) as trips_compared,
        coalesce({{ sum_of_counts('case when trips is not null then dep_raw end') }}, 0) as dep_raw,
        coalesce({{ sum_of_counts('case when trips is not null then dep_cal end') }}, 0) as dep_cal,
        coalesce({{ sum_of_counts('case when trips is not null then cal_error end') }}, 0)
            as cal_error,
        100.0 * sum(hours_seen) / sum(hours) as coverage_pct
    from days
    group by system_id, month_on
),

-- chance is two standard errors of the number of trips
banded as (
    select
        *,
        dep_cal / nullif(trips_compared, 0) as ratio,
        {{ var('reconciliation_tolerance') }}
        + (cal_error + 2 * sqrt(trips_compared)) / nullif(trips_compared, 0) as ratio_error
    from compared
),

final as (
    select
        banded.system_id,
        banded.month_on,
        cast(banded.days_compared as integer) as days_compared,
        cast(banded.trips as bigint) as trips,
        100.0 * banded.trips_resolved / nullif(banded.trips_with_ref, 0) as trips_resolved_pct,
        cast(banded.trips_compared as bigint) as trips_compared,
        cast(banded.dep_raw as double) as dep_raw,
        cast(banded.dep_cal as double) as dep_cal,
        cast(banded.cal_error as double) as cal_error,
        cast(banded.ratio as double) as ratio,
        cast(1 - banded.ratio_error as double) as ratio_band_lo,
        cast(1 + banded.ratio_error as double) as ratio_band_hi,
        banded.ratio between 1 - banded.ratio_error and 1 + banded.ratio_error as is_inside_band,
        banded.coverage_pct,
        cast(fleets.fleet_first as double) as fleet_first,
        cast(fleets.fleet_last as double) as fleet_last,
        cast(stop_months.put_into_service as bigint) as put_into_service,
        coalesce(stop_months.truck_stops, 0) as truck_stops,
        coalesce(stop_months.truck_stops_found, 0) as truck_stops_found
    from banded
    left join stop_months
        on
            banded.system_id = stop_months.system_id and banded.month_on = stop_months.month_on
    left join fleets
        on banded.system_id = fleets.system_id and banded.month_on = fleets.month_on
)

select * from final
