{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- Recomputed: the UTC days that silver computed anew, and those whose zones are others now: each
-- day bears a number made of its zones. A zone counts where a state begins while it holds.
with new_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('int_vehicles__states') }}
    where built_at > {{ seen_until() }}
),

all_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('int_vehicles__states') }}
),

zones as (
    select * from {{ ref('dim_zone') }}
),

numbered_days as (
    select
        all_days.system_id,
        all_days.observed_on,
        coalesce(bit_xor({{ fingerprint([
            'zones.zone_sk',
            'greatest(zones.valid_from, cast(all_days.observed_on as timestamp))',
            "least(coalesce(zones.valid_to, timestamp '9999-12-31'),"
            ~ " cast(all_days.observed_on + 1 as timestamp))"
        ]) }}) filter (where zones.zone_sk is not null), 0) as zones_number
    from all_days
    left join zones
        on
            all_days.system_id = zones.system_id
            and zones.valid_from < cast(all_days.observed_on + 1 as timestamp)
            and coalesce(zones.valid_to > cast(all_days.observed_on as timestamp), true)
    group by all_days.system_id, all_days.observed_on
),

held as (
    {{ zones_held('observed_on') }}
),

touched as (
    select numbered_days.*
    from numbered_days
    left join new_days
        on
            numbered_days.system_id = new_days.system_id
            and numbered_days.observed_on = new_days.observed_on
    left join held
        on
            numbered_days.system_id = held.system_id
            and numbered_days.observed_on = held.observed_on
            and numbered_days.zones_number = held.zones_number
    where new_days.system_id is not null or held.system_id is null
),

states as (
    select
        states.*,
        touched.zones_number,
        {{ fingerprint(['states.system_id', 'states.vehicle_id', 'states.first_observed_at']) }}
            as state_number,
        {{ fingerprint(['states.system_id', 'round(states.lat, 5)', 'round(states.lon, 5)']) }}
            as place_number
    from {{ ref('int_vehicles__states') }} as states
    inner join touched
        on states.system_id = touched.system_id and states.observed_on = touched.observed_on
),

places as (
    select distinct
        system_id,
        place_number,
        round(lat, 5) as lat,
        round(lon, 5) as lon
    from states
    where lat is not null and lon is not null
),

inside as (
    {{ places_in_zones('places', 'zones') }}
),

zones_of_states as (
    select
        states.state_number,
        zones.zone_sk,
        zones.zone_kind,
        zones.zone_name,
        zones.zone_source,
        row_number() over (
            partition by states.state_number, zones.zone_source, zones.priority is null
            order by zones.priority, zones.zone_sk
        ) as place_in_order
    from states
    inner join inside on states.place_number = inside.place_number
    inner join zones
        on
            inside.zone_sk = zones.zone_sk
            and states.system_id = zones.system_id
            and states.first_observed_at >= zones.valid_from
            and coalesce(states.first_observed_at < zones.valid_to, true)
),

gathered as (
    select
        state_number,
        {{ sorted_list('zone_sk') }} as zone_sks,
        {{ first_by('zone_sk', 'zone_name', "zone_kind = 'council'") }} as zone_sk
    from zones_of_states
    group by state_number
),

-- of the zones that say where a vehicle may stand, the first one decides
deciding as (
    select * from zones_of_states
    where zone_kind in ('service_area', 'no_parking', 'no_ride') and place_in_order = 1
),

areas as (
    select distinct
        system_id,
        zone_source,
        valid_from,
        valid_to
    from zones
    where zone_kind = 'service_area'
),

breaches as (
    select
        state_number,
        zone_source,
        zone_kind as breach_kind,
        zone_sk as breach_zone_sk
    from deciding
    where zone_kind <> 'service_area'
    union
    select
        states.state_number,
        areas.zone_source,
        'outside_service_area' as breach_kind,
        null as breach_zone_sk
    from states
    inner join areas
        on
            states.system_id = areas.system_id
            and states.first_observed_at >= areas.valid_from
            and coalesce(states.first_observed_at < areas.valid_to, true)
    left join deciding
        on states.state_number = deciding.state_number and areas.zone_source = deciding.zone_source
    where deciding.state_number is null and states.lat is not null
),

breaches_of_states as (
    select
        state_number,
        {{ first_by('breach_kind', 'zone_source') }} as breach_kind,
        {{ first_by('breach_zone_sk', 'zone_source') }} as breach_zone_sk
    from breaches
    group by state_number
),

final as (
    select
        states.system_id,
        states.observed_on,
        states.vehicle_id,
        states.vehicle_type_id,
        states.station_id,
        states.is_reserved,
        states.is_disabled,
        states.is_kept,
        states.is_kept_after,
        states.is_moved_after,
        states.is_asked_before,
        states.is_asked_after,
        states.lat,
        states.lon,
        states.first_range_m,
        states.last_range_m,
        states.first_fuel_percent,
        states.last_fuel_percent,
        states.expected_interval_s,
        states.polls,
        states.first_observed_at,
        states.last_observed_at,
        states.ended_at,
        states.previous_moment_at,
        states.next_moment_at,
        gathered.zone_sk,
        coalesce(gathered.zone_sks, []) as zone_sks,
        -- who has reserved it may be riding
        case when not states.is_reserved then breaches_of_states.breach_kind end as breach_kind,
        case when not states.is_reserved then breaches_of_states.breach_zone_sk end
            as breach_zone_sk,
        states.zones_number,
        {{ built_at() }} as built_at
    from states
    left join gathered on states.state_number = gathered.state_number
    left join breaches_of_states on states.state_number = breaches_of_states.state_number
)

select * from final
