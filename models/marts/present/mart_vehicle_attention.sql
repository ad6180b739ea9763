-- What there is to do for a vehicle that stands somewhere; a vehicle can have several reasons.
with standing as (
    select * from {{ ref('fct_vehicle_stay') }}
    where ended_by = 'still_there'
),

reasons as (
    select
        *,
        'disabled' as reason,
        'out of order' as evidence
    from standing
    where is_disabled_at_end
    union all
    select
        *,
        'low_battery' as reason,
        cast(round(100 * last_fuel_percent) as bigint) || ' % left' as evidence
    from standing
    where last_fuel_percent <= {{ var('low_battery') }}
    union all
    select
        *,
        'idle' as reason,
        'stands for ' || cast(round(minutes_lo / 60) as bigint) || ' hours' as evidence
    from standing
    where minutes_lo >= {{ var('idle_hours') }} * 60 and not coalesce(is_disabled_at_end, false)
    union all
    select
        *,
        'forbidden_place' as reason,
        'stands where none may (' || breach_kind || ')' as evidence
    from standing
    where breach_kind is not null and breach_last_seen_at = last_seen_at
),

seen as (
    select
        {{ surrogate_key(['system_id', 'vehicle_id', 'reason']) }} as attention_id,
        zone_sk,
        system_id,
        vehicle_id,
        vehicle_type_id,
        station_id,
        reason,
        evidence,
        lat,
        lon,
        first_seen_at as since
    from reasons
),

anomalies as (
    select
        {{ surrogate_key(['system_id', 'object_id', 'kind']) }} as attention_id,
        cast(null as varchar) as zone_sk,
        system_id,
        object_id as vehicle_id,
        cast(null as varchar) as vehicle_type_id,
        cast(null as varchar) as station_id,
        kind as reason,
        arg_min(evidence, since) as evidence,
        cast(null as double) as lat,
        cast(null as double) as lon,
        min(since) as since
    from {{ ref('fct_anomaly') }}
    where is_open and kind in ('battery_drop', 'unrented_move')
    group by system_id, object_id, kind
),

final as (
    select * from seen
    union all by name
    select * from anomalies
)

select * from final
