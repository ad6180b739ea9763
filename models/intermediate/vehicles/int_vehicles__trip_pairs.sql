{{ config(materialized='incremental', unique_key=['system_id', 'departed_on']) }}

-- Disappearances paired with appearances that may be of the same vehicle, each pair with its odds
-- (macros/inferred_trips.sql). An id that is seen again is paired with itself. A day without a pair
-- keeps a row that says so.
-- Recomputed: the UTC days on which states were computed anew, and the days beside them. What a
-- pair is worth depends on pairs that share an end with it, and these on others, in four rounds:
-- that reaches ten times as far as the longest ride, less than a day, so one more day is read.
with new_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('int_vehicles__states_placed') }}
    where built_at > {{ seen_until() }}
),

days as (
    select distinct
        new_days.system_id,
        cast(new_days.observed_on + beside.distance as date) as departed_on
    from new_days
    cross join (values (-1), (0), (1)) as beside (distance)
),

days_read as (
    select distinct
        days.system_id,
        cast(days.departed_on + beside.distance as date) as observed_on
    from days
    cross join (values (-1), (0), (1)) as beside (distance)
),

states as (
    select
        states.*,
        {{ fingerprint(['states.system_id', 'states.vehicle_id', 'states.first_observed_at']) }}
            as state_number,
        lead(states.first_observed_at) over in_order as again_at,
        lag(states.last_observed_at) over in_order as before_at
    from {{ ref('int_vehicles__states_placed') }} as states
    inner join days_read
        on states.system_id = days_read.system_id and states.observed_on = days_read.observed_on
    where states.lat is not null and states.lon is not null
    window in_order as (
        partition by states.system_id, states.vehicle_id
        order by states.first_observed_at
    )
),

-- how much there is, and over how wide an area: what pairs by chance are judged by
scales as (
    select
        system_id,
        observed_on,
        greatest(
            count(case when not is_kept and previous_moment_at is not null then 1 end), 1
        ) as appearances,
        greatest(max(first_range_m), 1) as range_m,
        greatest(
            {{ metres_between(
                'quantile_disc(lat, 0.05)', 'min(lon)', 'quantile_disc(lat, 0.95)', 'min(lon)'
            ) }}, 1000
        )
        * greatest(
            {{ metres_between(
                'min(lat)', 'quantile_disc(lon, 0.05)', 'min(lat)', 'quantile_disc(lon, 0.95)'
            ) }}, 1000
        ) / 0.81 as area_m2
    from states
    group by system_id, observed_on
),

departures as (
    select
        *,
        {{ seconds_between('last_observed_at', 'again_at') }} <= {{ var('longest_ride_s') }}
            as is_seen_again,
        {{ seconds_between('last_observed_at', 'next_moment_at') }} as departed_within_s
    from states
    where not is_kept_after
),

arrivals as (
    select
        *,
        {{ seconds_between('before_at', 'first_observed_at') }} <= {{ var('longest_ride_s') }}
            as is_seen_before,
        {{ seconds_between('previous_moment_at', 'first_observed_at') }} as arrived_within_s,
        {{ hour_number('first_observed_at') }} as hour_number
    from states
    where not is_kept
),

leaving as (
    select
        *,
        unnest(range(
            {{ hour_number('last_observed_at') }},
            {{ hour_number(
                'last_observed_at + to_seconds(' ~ var('longest_ride_s') ~ ')'
            ) }} + 1
        )) as hour_number
    from departures
    where
        not coalesce(is_seen_again, false)
        and departed_within_s <= {{ var('longest_blink_s') }}
),

rotated as (
    select
        leaving.state_number as departure_number,
        arrivals.state_number as arrival_number,
        {{ metres_between('leaving.lat', 'leaving.lon', 'arrivals.lat', 'arrivals.lon') }}
            as distance_m,
        {{ seconds_between('leaving.last_observed_at', 'arrivals.first_observed_at') }}
            as longest_s,
        {{ seconds_between('leaving.next_moment_at', 'arrivals.previous_moment_at') }}
            as shortest_s,
        leaving.departed_within_s,
        arrivals.arrived_within_s,
        leaving.last_range_m - arrivals.first_range_m as range_drop_m,
        leaving.system_id,
        leaving.observed_on
    from leaving
    inner join arrivals
        on
            leaving.system_id = arrivals.system_id
            and leaving.vehicle_type_id is not distinct from arrivals.vehicle_type_id
            and leaving.hour_number = arrivals.hour_number
            and leaving.last_observed_at < arrivals.first_observed_at
            and leaving.vehicle_id <> arrivals.vehicle_id
    where
        {{ seconds_between('leaving.last_observed_at', 'arrivals.first_observed_at') }}
        <= {{ var('longest_ride_s') }}
        and not coalesce(arrivals.is_seen_before, false)
        and arrivals.arrived_within_s <= {{ var('longest_blink_s') }}
),

odds as (
    select
        rotated.departure_number,
        rotated.arrival_number,
        rotated.distance_m,
        rotated.range_drop_m,
        least({{ pair_odds() }}, 1000000) as odds
    from rotated
    inner join scales
        on rotated.system_id = scales.system_id and rotated.observed_on = scales.observed_on
    where rotated.distance_m <= {{ var('fastest_m_s') }} * rotated.longest_s
),

likely as (
    select * from odds
    where odds >= {{ var('least_probability') }}
),

{{ assignment('likely', 4) }},

persistent as (
    select
        departures.state_number as departure_number,
        arrivals.state_number as arrival_number,
        {{ metres_between('departures.lat', 'departures.lon', 'arrivals.lat', 'arrivals.lon') }}
            as distance_m,
        departures.last_range_m - arrivals.first_range_m as range_drop_m
    from departures
    inner join arrivals
        on
            departures.system_id = arrivals.system_id
            and departures.vehicle_id = arrivals.vehicle_id
            and departures.again_at = arrivals.first_observed_at
    where departures.is_seen_again
),

pairs as (
    select
        *,
        'rotated_id' as match_method
    from believed
    union all by name
    select
        *,
        {{ persistent_probability() }} as probability,
        'same_id' as match_method
    from persistent
),

ranked as (
    select
        *,
        row_number() over (
            partition by departure_number
            order by probability desc, arrival_number asc
        ) = 1
        and row_number() over (
            partition by arrival_number
            order by probability desc, departure_number asc
        ) = 1 as is_likeliest
    from pairs
),

found as (
    select
        departures.system_id,
        departures.observed_on as departed_on,
        departures.vehicle_id,
        arrivals.vehicle_id as arrival_vehicle_id,
        departures.vehicle_type_id,
        departures.zone_sk,
        departures.zone_sks,
        arrivals.zone_sk as arrival_zone_sk,
        ranked.match_method,
        ranked.is_likeliest,
        round(ranked.probability, 6) as probability,
        ranked.distance_m,
        ranked.range_drop_m,
        departures.last_observed_at,
        departures.next_moment_at,
        arrivals.previous_moment_at,
        arrivals.first_observed_at
    from ranked
    inner join departures on ranked.departure_number = departures.state_number
    inner join arrivals on ranked.arrival_number = arrivals.state_number
    where ranked.probability >= {{ var('least_probability') }}
),

final as (
    select
        days.system_id,
        days.departed_on,
        found.vehicle_id,
        found.arrival_vehicle_id,
        found.vehicle_type_id,
        found.zone_sk,
        found.zone_sks,
        found.arrival_zone_sk,
        found.match_method,
        found.is_likeliest,
        found.probability,
        found.distance_m,
        found.range_drop_m,
        found.last_observed_at,
        found.next_moment_at,
        found.previous_moment_at,
        found.first_observed_at,
        {{ built_at() }} as built_at
    from days
    left join found
        on days.system_id = found.system_id and days.departed_on = found.departed_on
)

select * from final
