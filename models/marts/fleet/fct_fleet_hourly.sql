{{
    config(
        materialized='incremental',
        unique_key=['system_id', 'fleet_on'],
    )
}}

-- Recomputed: the UTC days on which vehicles or stations were computed anew, and the days after
-- them, for a state reaches over midnight; those with other pairs; and those on which stations lie
-- in other zones than they did: each day bears a number made of these.
with new_days as (
    select
        system_id,
        observed_on
    from {{ ref('int_vehicles__states_placed') }}
    where built_at > {{ seen_until() }}
    union
    select
        system_id,
        observed_on
    from {{ ref('fct_station_state') }}
    where built_at > {{ seen_until() }}
    union
    select
        system_id,
        departed_on as observed_on
    from {{ ref('int_vehicles__trip_pairs') }}
    where built_at > {{ seen_until() }}
),

all_days as (
    select
        system_id,
        observed_on
    from {{ ref('int_vehicles__states_placed') }}
    union
    select
        system_id,
        observed_on
    from {{ ref('int_stations__days') }}
),

bridge as (
    select * from {{ ref('bridge_station_zone') }}
),

numbered_days as (
    select
        all_days.system_id,
        all_days.observed_on,
        coalesce(bit_xor({{ fingerprint([
            'bridge.station_sk', 'bridge.zone_sk',
            'greatest(bridge.valid_from, cast(all_days.observed_on - 1 as timestamp))',
            "least(coalesce(bridge.valid_to, timestamp '9999-12-31'),"
            ~ " cast(all_days.observed_on + 1 as timestamp))"
        ]) }}) filter (where bridge.zone_sk is not null), 0) as zones_number
    from all_days
    left join bridge
        on
            all_days.system_id = bridge.system_id
            and bridge.valid_from < cast(all_days.observed_on + 1 as timestamp)
            and coalesce(bridge.valid_to > cast(all_days.observed_on - 1 as timestamp), true)
    group by all_days.system_id, all_days.observed_on
),

held as (
    {{ zones_held('fleet_on') }}
),

touched as (
    select
        numbered_days.system_id,
        numbered_days.observed_on as fleet_on,
        numbered_days.zones_number
    from numbered_days
    left join held
        on
            numbered_days.system_id = held.system_id
            and numbered_days.observed_on = held.observed_on
            and numbered_days.zones_number = held.zones_number
    where
        held.system_id is null
        or (numbered_days.system_id, numbered_days.observed_on) in (
            select
                new_days.system_id,
                cast(new_days.observed_on + beside.distance as date) as observed_on
            from new_days
            cross join (values (0), (1)) as beside (distance)
        )
),

days_read as (
    select
        touched.*,
        cast(touched.fleet_on + beside.distance as date) as observed_on
    from touched
    cross join (values (-1), (0)) as beside (distance)
),

-- what is known of vehicles at stations is what the stations say
free_states as (
    select
        days_read.system_id,
        days_read.fleet_on,
        'free' as placement,
        states.vehicle_type_id,
        states.zone_sks,
        states.first_observed_at as starts_at,
        states.ended_at as ends_at,
        case when states.is_disabled or states.is_reserved then 0 else 1 end as available,
        case when states.is_reserved and not states.is_disabled then 1 else 0 end as reserved,
        case when states.is_disabled then 1 else 0 end as disabled
    from {{ ref('int_vehicles__states_placed') }} as states
    inner join days_read
        on
            states.system_id = days_read.system_id
            and states.observed_on = days_read.observed_on
    where states.station_id is null
),

station_states as (
    select
        days_read.fleet_on,
        states.*
    from {{ ref('fct_station_state') }} as states
    inner join days_read
        on
            states.system_id = days_read.system_id
            and states.observed_on = days_read.observed_on
            and states.ended_at > cast(days_read.fleet_on as timestamp)
    where states.state <> 'unknown'
),

zones_of_states as (
    select
        station_states.fleet_on,
        station_states.station_sk,
        station_states.started_at,
        {{ sorted_list('bridge.zone_sk') }} as zone_sks
    from station_states
    inner join bridge
        on
            station_states.station_sk = bridge.station_sk
            and station_states.started_at >= bridge.valid_from
            and coalesce(station_states.started_at < bridge.valid_to, true)
    group by station_states.fleet_on, station_states.station_sk, station_states.started_at
),

docked_states as (
    select
        station_states.system_id,
        station_states.fleet_on,
        'docked' as placement,
        coalesce(zones_of_states.zone_sks, []) as zone_sks,
        station_states.started_at as starts_at,
        station_states.ended_at as ends_at,
        unnest({{ vehicles_by_type() }}) as counted
    from station_states
    left join zones_of_states
        on
            station_states.fleet_on = zones_of_states.fleet_on
            and station_states.station_sk = zones_of_states.station_sk
            and station_states.started_at = zones_of_states.started_at
),

states as (
    select * from free_states
    union all by name
    select
        * exclude (counted),
        counted['vehicle_type_id'] as vehicle_type_id,
        counted['available'] as available,
        0 as reserved,
        counted['disabled'] as disabled
    from docked_states
    where counted['available'] > 0 or counted['disabled'] > 0
),

clipped as (
    select
        * exclude (starts_at, ends_at),
        greatest(epoch_us(starts_at), epoch_us(cast(fleet_on as timestamp))) as starts_us,
        least(epoch_us(ends_at), epoch_us(cast(fleet_on + 1 as timestamp))) as ends_us
    from states
),

spread as (
    select
        *,
        unnest(range(starts_us // 3600000000, (ends_us - 1) // 3600000000 + 1)) as hour_number
    from clipped
    where ends_us > starts_us
),

-- once for the whole system, and once for each zone
zoned as (
    select
        * exclude (zone_sks),
        unnest(list_append(zone_sks, null)) as zone_sk,
        least(ends_us, 3600000000 * (hour_number + 1))
        - greatest(starts_us, 3600000000 * hour_number) as microseconds
    from spread
),

summed as (
    select
        system_id,
        fleet_on,
        placement,
        vehicle_type_id,
        zone_sk,
        hour_number,
        sum(microseconds * available) / 60000000.0 as available_minutes,
        sum(microseconds * reserved) / 60000000.0 as reserved_minutes,
        sum(microseconds * disabled) / 60000000.0 as disabled_minutes
    from zoned
    group by system_id, fleet_on, placement, vehicle_type_id, zone_sk, hour_number
),

departures as (
    select
        pairs.system_id,
        pairs.departed_on as fleet_on,
        'free' as placement,
        pairs.vehicle_type_id,
        {{ hour_number('pairs.last_observed_at') }} as hour_number,
        unnest(list_append(pairs.zone_sks, null)) as zone_sk,
        {{ millionths('pairs.probability') }} as probability_millionths
    from {{ ref('int_vehicles__trip_pairs') }} as pairs
    inner join touched
        on pairs.system_id = touched.system_id and pairs.departed_on = touched.fleet_on
    where pairs.probability is not null
),

expected as (
    select
        system_id,
        fleet_on,
        placement,
        vehicle_type_id,
        zone_sk,
        hour_number,
        sum(probability_millionths) / 1000000.0 as expected_trips
    from departures
    group by system_id, fleet_on, placement, vehicle_type_id, zone_sk, hour_number
),

-- the time that was seen: of vehicles between polls that reach each other, of stations their states
moments as (
    select
        moments.*,
        lead(moments.observed_at) over in_order as next_observed_at,
        lead(moments.expected_interval_s) over in_order as next_interval_s
    from {{ ref('int_vehicles__moments') }} as moments
    where
        (moments.system_id, moments.observed_on) in (
            select
                touched.system_id,
                cast(touched.fleet_on + beside.distance as date) as observed_on
            from touched
            cross join (values (-1), (0), (1)) as beside (distance)
        )
    window in_order as (partition by moments.system_id order by moments.observed_at)
),

seen_spans as (
    select
        days_read.system_id,
        days_read.fleet_on,
        'free' as placement,
        '' as station_id,
        moments.observed_at as starts_at,
        moments.next_observed_at as ends_at
    from moments
    inner join days_read
        on
            moments.system_id = days_read.system_id
            and moments.observed_on = days_read.observed_on
    where
        {{ is_within_reach('moments.observed_at', 'moments.next_observed_at', 'next_interval_s') }}
    union all
    select
        system_id,
        fleet_on,
        'docked' as placement,
        station_id,
        started_at as starts_at,
        ended_at as ends_at
    from station_states
),

seen_clipped as (
    select
        system_id,
        fleet_on,
        placement,
        station_id,
        greatest(epoch_us(starts_at), epoch_us(cast(fleet_on as timestamp))) as starts_us,
        least(epoch_us(ends_at), epoch_us(cast(fleet_on + 1 as timestamp))) as ends_us
    from seen_spans
),

seen_spread as (
    select
        *,
        unnest(range(starts_us // 3600000000, (ends_us - 1) // 3600000000 + 1)) as hour_number
    from seen_clipped
    where ends_us > starts_us
),

places as (
    select
        system_id,
        fleet_on,
        placement,
        count(distinct station_id) as places
    from seen_clipped
    group by system_id, fleet_on, placement
),

coverage as (
    select
        seen_spread.system_id,
        seen_spread.fleet_on,
        seen_spread.placement,
        seen_spread.hour_number,
        100 * sum(
            least(seen_spread.ends_us, 3600000000 * (seen_spread.hour_number + 1))
            - greatest(seen_spread.starts_us, 3600000000 * seen_spread.hour_number)
        ) / (3600000000.0 * any_value(places.places)) as coverage_pct
    from seen_spread
    inner join places using (system_id, fleet_on, placement)
    group by
        seen_spread.system_id, seen_spread.fleet_on, seen_spread.placement,
        seen_spread.hour_number
),

joined as (
    select
        coalesce(summed.system_id, expected.system_id) as system_id,
        coalesce(summed.fleet_on, expected.fleet_on) as fleet_on,
        coalesce(summed.placement, expected.placement) as placement,
        coalesce(summed.vehicle_type_id, expected.vehicle_type_id) as vehicle_type_id,
        coalesce(summed.zone_sk, expected.zone_sk) as zone_sk,
        coalesce(summed.hour_number, expected.hour_number) as hour_number,
        coalesce(summed.available_minutes, 0) as available_minutes,
        coalesce(summed.reserved_minutes, 0) as reserved_minutes,
        coalesce(summed.disabled_minutes, 0) as disabled_minutes,
        coalesce(expected.expected_trips, 0) as expected_trips
    from summed
    full outer join expected
        on
            summed.system_id = expected.system_id
            and summed.placement = expected.placement
            and summed.vehicle_type_id is not distinct from expected.vehicle_type_id
            and summed.zone_sk is not distinct from expected.zone_sk
            and summed.hour_number = expected.hour_number
),

covered as (
    select
        touched.system_id,
        touched.fleet_on,
        touched.zones_number,
        joined.placement,
        joined.vehicle_type_id,
        joined.zone_sk,
        joined.hour_number,
        coalesce(joined.available_minutes, 0) as available_minutes,
        coalesce(joined.reserved_minutes, 0) as reserved_minutes,
        coalesce(joined.disabled_minutes, 0) as disabled_minutes,
        coalesce(joined.expected_trips, 0) as expected_trips,
        coalesce(coverage.coverage_pct, 0) as coverage_pct
    from touched
    inner join joined
        on touched.system_id = joined.system_id and touched.fleet_on = joined.fleet_on
    left join coverage
        on
            joined.system_id = coverage.system_id
            and joined.placement = coverage.placement
            and joined.hour_number = coverage.hour_number
),

final as (
    select
        zone_sk,
        system_id,
        placement,
        vehicle_type_id,
        make_timestamp(hour_number * 3600000000) as hour_at,
        fleet_on,
        coverage_pct,
        available_minutes,
        reserved_minutes,
        disabled_minutes,
        available_minutes / 60 as idle_hours,
        expected_trips,
        {{ when_covered('100 * available_minutes / 60 / coverage_pct') }} as mean_available,
        {{ when_covered('100 * reserved_minutes / 60 / coverage_pct') }} as mean_reserved,
        {{ when_covered('100 * disabled_minutes / 60 / coverage_pct') }} as mean_disabled,
        zones_number,
        {{ built_at() }} as built_at
    from covered
)

select * from final
