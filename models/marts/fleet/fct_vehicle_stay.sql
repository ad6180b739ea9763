{{ config(
    materialized='incremental',
    incremental_strategy='append',
    post_hook="{{ forget_remade_stays() }}"
) }}

-- States of days, joined: one id within 30 m, over midnight and over a gap of up to half a day.
-- Made anew: the stays that reach the first day that silver computed anew, and all after it.
with touched as (
    {{ touched_stays(seen_until(), this if is_incremental() else none) }}
),

{% if is_incremental() -%}
cuts as (
    {{ stay_cuts(this) }}
),
{%- endif %}

states as (
    select
        states.*,
        {{ fingerprint(['states.system_id', 'states.vehicle_id']) }} as vehicle_number,
        epoch_us(states.ended_at) - epoch_us(states.first_observed_at) as microseconds
    from {{ ref('int_vehicles__states_placed') }} as states
    inner join touched on states.system_id = touched.system_id
    {%- if is_incremental() %}
    left join cuts
        on states.system_id = cuts.system_id and states.vehicle_id = cuts.vehicle_id
    where states.first_observed_at >= least(cuts.first_seen_at, touched.first_at)
    {%- endif %}
),

archives as (
    select
        system_id,
        max(last_observed_at) as last_observed_at
    from {{ ref('int_vehicles__states_placed') }}
    group by system_id
),

numbered as (
    select
        *,
        count(case when not is_kept then 1 end) over (
            partition by vehicle_number
            order by first_observed_at
            rows between unbounded preceding and current row
        ) as stay_number
    from states
),

stays as (
    select
        system_id,
        vehicle_id,
        min(first_observed_at) as first_seen_at,
        max(last_observed_at) as last_seen_at,
        {{ at_first('vehicle_type_id') }} as vehicle_type_id,
        {{ at_first('station_id') }} as station_id,
        {{ at_first('zone_sk') }} as zone_sk,
        {{ at_first('previous_moment_at') }} as absent_at,
        {{ at_first('is_asked_before') }} as is_asked_before,
        {{ at_first('lat') }} as lat,
        {{ at_first('lon') }} as lon,
        {{ at_first('first_range_m') }} as first_range_m,
        {{ at_first('first_fuel_percent') }} as first_fuel_percent,
        {{ at_first('expected_interval_s') }} as expected_interval_s,
        {{ at_last('next_moment_at') }} as gone_at,
        {{ at_last('is_asked_after') }} as is_asked_after,
        {{ at_last('is_moved_after') }} as is_moved,
        {{ at_last('is_reserved') }} as is_reserved_at_end,
        {{ at_last('is_disabled') }} as is_disabled_at_end,
        {{ at_last('last_range_m') }} as last_range_m,
        {{ at_last('last_fuel_percent') }} as last_fuel_percent,
        sum(polls) as polls,
        {{ minutes_where('true') }} as seen_minutes,
        {{ minutes_where('is_reserved') }} as reserved_minutes,
        {{ minutes_where('is_disabled') }} as disabled_minutes,
        min(first_observed_at) filter (where breach_kind is not null) as breach_first_seen_at,
        max(last_observed_at) filter (where breach_kind is not null) as breach_last_seen_at,
        {{ first_by('breach_kind', 'first_observed_at', 'breach_kind is not null') }}
            as breach_kind,
        {{ first_by('breach_zone_sk', 'first_observed_at', 'breach_kind is not null') }}
            as breach_zone_sk
    from numbered
    group by system_id, vehicle_id, vehicle_number, stay_number
),

final as (
    select
        {{ surrogate_key(['stays.system_id', 'stays.vehicle_id', 'stays.first_seen_at']) }}
            as stay_id,
        stays.zone_sk,
        stays.system_id,
        stays.vehicle_id,
        stays.vehicle_type_id,
        stays.station_id,
        case
            when stays.is_moved then 'moved'
            when stays.last_seen_at = archives.last_observed_at then 'still_there'
            when stays.is_asked_after then 'disappeared'
            else 'gap'
        end as ended_by,
        stays.absent_at is null as is_censored_left,
        stays.gone_at is null as is_censored_right,
        stays.is_reserved_at_end,
        stays.is_disabled_at_end,
        -- where a ride begins and ends tells of its rider
        round(stays.lat, {{ var('shown_decimals') }}) as lat,
        round(stays.lon, {{ var('shown_decimals') }}) as lon,
        stays.first_range_m,
        stays.last_range_m,
        stays.first_fuel_percent,
        stays.last_fuel_percent,
        cast(stays.polls as integer) as polls,
        cast(stays.expected_interval_s as integer) as expected_interval_s,
        cast({{ seconds_between('stays.first_seen_at', 'stays.last_seen_at') }} / 60 as double)
            as minutes_lo,
        cast({{ seconds_between('stays.absent_at', 'stays.gone_at') }} / 60 as double)
            as minutes_hi,
        stays.seen_minutes,
        stays.reserved_minutes,
        stays.disabled_minutes,
        stays.breach_kind,
        stays.breach_zone_sk,
        stays.breach_first_seen_at,
        stays.breach_last_seen_at,
        stays.absent_at,
        stays.first_seen_at,
        stays.last_seen_at,
        stays.gone_at,
        {{ built_at() }} as built_at
    from stays
    inner join archives on stays.system_id = archives.system_id
)

select * from final
