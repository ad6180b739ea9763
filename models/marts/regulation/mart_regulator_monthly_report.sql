-- Sums of minutes, never averages of averages. Days within the archive on which no station was seen
-- count as time that is not known, at as many stations as on the day seen before.
with service_days as (
    select * from {{ ref('dim_service_day') }}
),

system_days as (
    select * from {{ ref('mart_system_day') }}
),

spans as (
    select
        system_id,
        min(service_on) as first_on,
        max(service_on) as last_on
    from system_days
    group by system_id
),

days_due as (
    select
        service_days.system_id,
        cast(date_trunc('month', service_days.service_on) as date) as month_on,
        service_days.day_minutes,
        system_days.station_minutes,
        system_days.observed_minutes,
        system_days.available_minutes,
        system_days.dock_available_minutes,
        system_days.operable_minutes,
        system_days.empty_minutes,
        system_days.full_minutes,
        system_days.vehicle_minutes,
        last_value(system_days.stations ignore nulls) over (
            partition by service_days.system_id
            order by service_days.service_on
            rows between unbounded preceding and current row
        ) as stations
    from service_days
    inner join spans
        on
            service_days.system_id = spans.system_id
            and service_days.service_on between spans.first_on and spans.last_on
    left join system_days
        on
            service_days.system_id = system_days.system_id
            and service_days.service_on = system_days.service_on
),

station_time as (
    select
        system_id,
        month_on,
        cast(count(*) as integer) as service_days,
        max(stations) as stations,
        {{ sum_of_minutes('day_minutes') }} as clock_minutes,
        {{ sum_of_minutes('coalesce(station_minutes, stations * day_minutes)') }} as due_minutes,
        coalesce({{ sum_of_minutes('observed_minutes') }}, 0) as observed_minutes,
        coalesce({{ sum_of_minutes('available_minutes') }}, 0) as available_minutes,
        coalesce({{ sum_of_minutes('dock_available_minutes') }}, 0) as dock_available_minutes,
        coalesce({{ sum_of_minutes('operable_minutes') }}, 0) as operable_minutes,
        coalesce({{ sum_of_minutes('empty_minutes') }}, 0) as empty_minutes,
        coalesce({{ sum_of_minutes('full_minutes') }}, 0) as full_minutes,
        coalesce({{ sum_of_minutes('vehicle_minutes') }}, 0) as vehicle_minutes
    from days_due
    group by system_id, month_on
),

trips as (
    select
        system_id,
        cast(date_trunc('month', service_on) as date) as month_on,
        count(*) as trips,
        cast(count(distinct service_on) as integer) as trip_days
    from {{ ref('fct_trip') }}
    group by system_id, date_trunc('month', service_on)
),

clauses as (
    select
        system_id,
        month_on,
        cast(count(case when verdict = 'kept' then 1 end) as integer) as clauses_kept,
        cast(count(case when verdict = 'missed' then 1 end) as integer) as clauses_missed,
        cast(count(case when verdict = 'undecided' then 1 end) as integer) as clauses_undecided
    from {{ ref('mart_sla_month') }}
    group by system_id, month_on
),

findings as (
    select
        system_id,
        cast(date_trunc('month', found_on) as date) as month_on,
        count(*) as findings,
        count(case when severity = 'severe' then 1 end) as severe_findings
    from {{ ref('fct_quality_finding') }}
    group by system_id, date_trunc('month', found_on)
),

-- of feeds that are near real time: how long they were there, of the time in which they were asked
feeds as (
    select
        feed_days.system_id,
        cast(date_trunc('month', feed_days.fetched_on) as date) as month_on,
        {{ sum_of_minutes('feed_days.up_minutes') }} as up_minutes,
        {{ sum_of_minutes('feed_days.down_minutes') }} as down_minutes,
        {{ sum_of_minutes('feed_days.unpolled_minutes') }} as unpolled_minutes
    from {{ ref('mart_feed_quality_day') }} as feed_days
    inner join {{ ref('gbfs_feeds') }} as realtime on feed_days.feed = realtime.feed
    where realtime.max_age_s is not null
    group by feed_days.system_id, date_trunc('month', feed_days.fetched_on)
),

months as (
    select
        system_id,
        month_on
    from station_time
    union distinct
    select
        system_id,
        month_on
    from trips
    union distinct
    select
        system_id,
        month_on
    from feeds
),

measured as (
    select
        months.system_id,
        months.month_on,
        station_time.service_days,
        station_time.stations,
        station_time.clock_minutes,
        station_time.due_minutes,
        station_time.observed_minutes,
        station_time.due_minutes - station_time.observed_minutes as unseen_minutes,
        100 * station_time.observed_minutes / station_time.due_minutes as coverage_pct,
        station_time.available_minutes,
        station_time.dock_available_minutes,
        station_time.operable_minutes,
        station_time.empty_minutes,
        station_time.full_minutes,
        station_time.vehicle_minutes,
        trips.trips,
        trips.trip_days,
        clauses.clauses_kept,
        clauses.clauses_missed,
        clauses.clauses_undecided,
        findings.findings,
        findings.severe_findings,
        feeds.up_minutes,
        feeds.down_minutes,
        100 * (feeds.up_minutes + feeds.down_minutes)
        / (feeds.up_minutes + feeds.down_minutes + feeds.unpolled_minutes) as feed_polled_pct
    from months
    left join station_time
        on months.system_id = station_time.system_id and months.month_on = station_time.month_on
    left join trips on months.system_id = trips.system_id and months.month_on = trips.month_on
    left join clauses
        on months.system_id = clauses.system_id and months.month_on = clauses.month_on
    left join findings
        on months.system_id = findings.system_id and months.month_on = findings.month_on
    left join feeds on months.system_id = feeds.system_id and months.month_on = feeds.month_on
),

final as (
    select
        system_id,
        month_on,
        service_days,
        stations,
        due_minutes,
        observed_minutes,
        coverage_pct,
        {{ when_covered('vehicle_minutes / observed_minutes * due_minutes / clock_minutes') }}
            as mean_fleet_available,
        {{ when_covered('100 * available_minutes / observed_minutes') }} as availability_pct,
        {{ when_covered('100 * available_minutes / due_minutes') }} as availability_pct_lo,
        {{ when_covered('100 * (available_minutes + unseen_minutes) / due_minutes') }}
            as availability_pct_hi,
        {{ when_covered('100 * dock_available_minutes / observed_minutes') }}
            as dock_availability_pct,
        {{ when_covered('100 * operable_minutes / observed_minutes') }} as operability_pct,
        empty_minutes as empty_minutes_lo,
        empty_minutes + unseen_minutes as empty_minutes_hi,
        full_minutes as full_minutes_lo,
        full_minutes + unseen_minutes as full_minutes_hi,
        trips,
        trip_days,
        coalesce(clauses_kept, 0) as clauses_kept,
        coalesce(clauses_missed, 0) as clauses_missed,
        coalesce(clauses_undecided, 0) as clauses_undecided,
        coalesce(findings, 0) as findings,
        coalesce(severe_findings, 0) as severe_findings,
        feed_polled_pct,
        {{ when_covered('100 * up_minutes / (up_minutes + down_minutes)', 'feed_polled_pct') }}
            as feed_uptime_pct
    from measured
)

select * from final
