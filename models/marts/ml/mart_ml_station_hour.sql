{{
    config(
        materialized='incremental',
        unique_key=['system_id', 'service_on'],
        pre_hook="{{ forget_days_missing_in(ref('mart_station_hour')) }}",
    )
}}

-- One row says what was known when an hour began, and what came of the hour.
-- Recomputed: the service days whose hours or flows changed, the day before, for which they may be
-- what came of it, and the 28 days after, of which they are the past; and days beside new weather.
with changed_days as (
    select
        system_id,
        service_on as changed_on,
        1 as days_before,
        28 as days_after
    from {{ ref('mart_station_hour') }}
    where built_at > {{ seen_until() }}
    union
    select
        system_id,
        observed_on as changed_on,
        2 as days_before,
        29 as days_after
    from {{ ref('fct_station_flow_15m') }}
    where built_at > {{ seen_until() }}
    union
    select
        system_id,
        observed_on as changed_on,
        2 as days_before,
        2 as days_after
    from {{ ref('stg_weather__hour') }}
    where built_at > {{ seen_until() }}
),

service_days as (
    select
        system_id,
        service_on,
        extract(minute from min(hour_starts_at)) as first_minute
    from {{ ref('mart_station_hour') }}
    group by system_id, service_on
),

touched_days as (
    select distinct
        service_days.system_id,
        service_days.service_on,
        service_days.first_minute
    from service_days
    inner join changed_days
        on
            service_days.system_id = changed_days.system_id
            and service_days.service_on
            between changed_days.changed_on - changed_days.days_before
            and changed_days.changed_on + changed_days.days_after
),

reaches as (
    select
        system_id,
        min(first_minute) as first_minute,
        cast(min(service_on) - interval 30 day as date) as read_from,
        cast(max(service_on) + interval 2 day as date) as read_until
    from touched_days
    group by system_id
),

-- all hours that the touched days look at, their own and those before
known_hours as (
    select hours.*
    from {{ ref('mart_station_hour') }} as hours
    inner join reaches
        on
            hours.system_id = reaches.system_id
            and hours.service_on between reaches.read_from and reaches.read_until
),

flows as (
    select
        flows.station_sk,
        date_trunc('hour', flows.starts_at - to_minutes(reaches.first_minute))
        + to_minutes(reaches.first_minute) as hour_starts_at,
        sum(cast(round(flows.dep_cal * 1000000) as bigint)) as micro_departures,
        sum(cast(round(flows.arr_cal * 1000000) as bigint)) as micro_arrivals
    from {{ ref('fct_station_flow_15m') }} as flows
    inner join reaches
        on
            flows.system_id = reaches.system_id
            and flows.observed_on between reaches.read_from and reaches.read_until
    group by
        flows.station_sk,
        date_trunc('hour', flows.starts_at - to_minutes(reaches.first_minute))
        + to_minutes(reaches.first_minute)
),

-- of each interval of a state the hours that it reaches into
pieces as (
    select
        states.*,
        make_timestamp((states.hour_number * 60 + states.first_minute) * 60000000)
            as hour_starts_at
    from (
        select
            states.*,
            reaches.first_minute,
            unnest(range(
                (epoch_us(states.started_at) - reaches.first_minute * 60000000) // 3600000000,
                (
                    greatest(epoch_us(states.ended_at) - 1, epoch_us(states.started_at))
                    - reaches.first_minute * 60000000
                ) // 3600000000 + 1
            )) as hour_number
        from {{ ref('fct_station_state') }} as states
        inner join reaches
            on
                states.system_id = reaches.system_id
                and states.observed_on between reaches.read_from + 28 and reaches.read_until
    ) as states
),

-- the state in which an hour begins, and when in it the station is first empty
states as (
    select
        station_sk,
        hour_starts_at,
        max(case when started_at <= hour_starts_at then state end) as state,
        max(case when started_at <= hour_starts_at then vehicles_available end)
            as vehicles_available,
        max(case when started_at <= hour_starts_at then ebikes_available end) as ebikes_available,
        max(case when started_at <= hour_starts_at then docks_available end) as docks_available,
        max(case when started_at <= hour_starts_at then vehicles_disabled end)
            as vehicles_disabled,
        bool_or(case when started_at <= hour_starts_at then is_operable end) as is_operable,
        min(case when state = 'empty' then greatest(started_at, hour_starts_at) end) as empty_at
    from pieces
    where ended_at > hour_starts_at
    group by station_sk, hour_starts_at
),

-- flows count where 90 % of the hour were seen
told_hours as (
    select
        known_hours.*,
        states.* exclude (states.station_sk, states.hour_starts_at),
        epoch_us(known_hours.hour_starts_at) // 3600000000 as hour_number,
        case
            when known_hours.coverage_pct >= 100 * {{ var('coverage_floor') }}
                then flows.micro_departures
        end as micro_departures,
        case
            when known_hours.coverage_pct >= 100 * {{ var('coverage_floor') }}
                then flows.micro_arrivals
        end as micro_arrivals
    from known_hours
    left join flows
        on
            known_hours.station_sk = flows.station_sk
            and known_hours.hour_starts_at = flows.hour_starts_at
    left join states
        on
            known_hours.station_sk = states.station_sk
            and known_hours.hour_starts_at = states.hour_starts_at
),

rolled as (
    select
        *,
        {{ hours_before('micro_departures', 1) }} as departures_lag_1h,
        {{ hours_before('micro_departures', 2) }} as departures_lag_2h,
        {{ hours_before('micro_departures', 4) }} as departures_lag_4h,
        {{ hours_before('micro_departures', 24) }} as departures_lag_24h,
        {{ hours_before('micro_departures', 168) }} as departures_lag_168h,
        {{ hours_before('micro_departures', 336) }} as departures_lag_336h,
        {{ hours_before('micro_departures', 504) }} as departures_lag_504h,
        {{ hours_before('micro_departures', 672) }} as departures_lag_672h,
        {{ hours_before('micro_arrivals', 1) }} as arrivals_lag_1h,
        sum(micro_departures) over day_before / 1000000.0
        / nullif(count(micro_departures) over day_before, 0) as departures_mean_24h,
        sum(micro_departures) over week_before / 1000000.0
        / nullif(count(micro_departures) over week_before, 0) as departures_mean_168h,
        sum(cast(round(empty_minutes * 60000000) as bigint)) over day_before / 60000000.0
            as empty_minutes_24h
    from told_hours
    window
        day_before as (
            partition by station_sk
            order by hour_number
            range between 24 preceding and 1 preceding
        ),
        week_before as (
            partition by station_sk
            order by hour_number
            range between 168 preceding and 1 preceding
        )
),

moments as (
    select rolled.*
    from rolled
    inner join touched_days
        on
            rolled.system_id = touched_days.system_id
            and rolled.service_on = touched_days.service_on
),

around as (
    select
        members.cluster_sk as station_sk,
        moments.hour_starts_at,
        cast(sum(moments.vehicles_available) as integer) as neighbours_vehicles,
        cast(sum(moments.docks_available) as integer) as neighbours_docks
    from moments
    inner join {{ ref('bridge_station_cluster') }} as members
        on
            moments.station_sk = members.station_sk
            and not members.is_anchor
            and moments.hour_starts_at >= members.valid_from
            and moments.hour_starts_at < coalesce(members.valid_to, timestamp '9999-01-01')
    where moments.state is not null
    group by members.cluster_sk, moments.hour_starts_at
),

-- the hour that is over, as it is known best; the one that begins, as it was foretold by then
weather as (
    select
        hours.system_id,
        hours.hour_at,
        hours.temperature_c,
        hours.precipitation_mm,
        hours.issued_at,
        row_number() over (
            partition by hours.system_id, hours.hour_at
            order by hours.issued_at desc, hours.request_id desc
        ) as place
    from {{ ref('stg_weather__hour') }} as hours
    inner join reaches
        on
            hours.system_id = reaches.system_id
            and hours.observed_on between reaches.read_from + 28 and reaches.read_until
    where hours.temperature_c is not null
),

foretold as (
    select
        times.system_id,
        times.hour_starts_at,
        weather.temperature_c,
        weather.precipitation_mm,
        row_number() over (
            partition by times.system_id, times.hour_starts_at order by weather.place
        ) as place
    from (
        select distinct
            system_id,
            hour_starts_at
        from moments
    ) as times
    inner join weather
        on
            times.system_id = weather.system_id
            and date_trunc('hour', times.hour_starts_at) = weather.hour_at
            and times.hour_starts_at >= weather.issued_at
),

described as (
    select * from {{ ref('dim_station') }}
    where is_listed
),

final as (
    select
        moments.station_sk,
        moments.system_id,
        moments.station_id,
        moments.hour_starts_at as as_of_at,
        moments.service_on,
        moments.service_hour,
        cast(extract(isodow from moments.service_on) as integer) as iso_weekday,
        coalesce(calendar.is_holiday, false) as is_holiday,
        coalesce(calendar.is_clock_change, false) as is_clock_change,
        cast(
            (epoch_us(cast(moments.service_on as timestamp)) // 86400000000 - 4) // 28 as integer
        ) as time_fold,
        cast(ascii(substr(moments.station_sk, 1, 1)) % 5 as integer) as station_fold,
        described.lat,
        described.lon,
        described.capacity,
        moments.state,
        moments.vehicles_available,
        moments.ebikes_available,
        moments.docks_available,
        moments.vehicles_disabled,
        moments.is_operable,
        around.neighbours_vehicles,
        around.neighbours_docks,
        cast(moments.departures_lag_1h as double) as departures_lag_1h,
        cast(moments.departures_lag_2h as double) as departures_lag_2h,
        cast(moments.departures_lag_4h as double) as departures_lag_4h,
        cast(moments.departures_lag_24h as double) as departures_lag_24h,
        cast(moments.departures_lag_168h as double) as departures_lag_168h,
        {{ mean_of_known([
            'moments.departures_lag_168h', 'moments.departures_lag_336h',
            'moments.departures_lag_504h', 'moments.departures_lag_672h',
        ]) }} as departures_seasonal_mean,
        cast(moments.arrivals_lag_1h as double) as arrivals_lag_1h,
        cast(moments.departures_mean_24h as double) as departures_mean_24h,
        cast(moments.departures_mean_168h as double) as departures_mean_168h,
        cast(coalesce(moments.empty_minutes_24h, 0) as double) as empty_minutes_24h,
        observed.temperature_c as temperature_past_c,
        observed.precipitation_mm as precipitation_past_mm,
        foretold.temperature_c as temperature_forecast_c,
        foretold.precipitation_mm as precipitation_forecast_mm,
        moments.coverage_pct as target_coverage_pct,
        moments.empty_minutes + moments.out_of_service_minutes > 0 as is_demand_censored,
        cast(
            case
                when moments.empty_minutes + moments.out_of_service_minutes = 0
                    then moments.micro_departures / 1000000.0
            end as double
        ) as departures_next_60m,
        {{ when_covered(
            "coalesce(moments.empty_at < moments.hour_starts_at + interval 30 minute, false)",
            'moments.coverage_pct'
        ) }} as is_empty_within_30m,
        {{ when_covered('moments.empty_at is not null', 'moments.coverage_pct') }}
            as is_empty_within_60m,
        {{ built_at() }} as built_at
    from moments
    left join around
        on
            moments.station_sk = around.station_sk
            and moments.hour_starts_at = around.hour_starts_at
    left join weather as observed
        on
            moments.system_id = observed.system_id
            and date_trunc('hour', moments.hour_starts_at) - interval 1 hour = observed.hour_at
            and observed.place = 1
    left join foretold
        on
            moments.system_id = foretold.system_id
            and moments.hour_starts_at = foretold.hour_starts_at
            and foretold.place = 1
    left join {{ ref('dim_service_day') }} as calendar
        on
            moments.system_id = calendar.system_id
            and moments.service_on = calendar.service_on
    left join described
        on
            moments.station_sk = described.station_sk
            and moments.hour_starts_at >= described.valid_from
            and moments.hour_starts_at < coalesce(described.valid_to, timestamp '9999-01-01')
)

select * from final
