{{
    config(
        materialized='incremental',
        unique_key=['system_id', 'departed_on'],
        post_hook="{{ forget_days_without_trips() }}",
    )
}}

-- Recomputed: the UTC days whose pairs were computed anew, or on which a stay ended that was.
with touched as (
    select
        system_id,
        departed_on
    from {{ ref('int_vehicles__trip_pairs') }}
    where built_at > {{ seen_until() }}
    union
    select
        system_id,
        cast(last_seen_at as date) as departed_on
    from {{ ref('fct_vehicle_stay') }}
    where built_at > {{ seen_until() }}
),

pairs as (
    select pairs.*
    from {{ ref('int_vehicles__trip_pairs') }} as pairs
    inner join touched
        on pairs.system_id = touched.system_id and pairs.departed_on = touched.departed_on
    where pairs.probability is not null
),

stays as (
    select * from {{ ref('fct_vehicle_stay') }}
),

identified as (
    select
        pairs.*,
        stays.stay_id as from_stay_id,
        {{ surrogate_key([
            'pairs.system_id', 'pairs.arrival_vehicle_id', 'pairs.first_observed_at'
        ]) }} as to_stay_id
    from pairs
    inner join stays
        on
            pairs.system_id = stays.system_id
            and pairs.vehicle_id = stays.vehicle_id
            and pairs.last_observed_at = stays.last_seen_at
),

final as (
    select
        {{ surrogate_key(['from_stay_id', 'to_stay_id']) }} as inferred_trip_id,
        from_stay_id,
        to_stay_id,
        zone_sk as from_zone_sk,
        arrival_zone_sk as to_zone_sk,
        system_id,
        vehicle_type_id,
        departed_on,
        match_method,
        is_likeliest,
        cast(probability as double) as probability,
        cast(distance_m as double) as distance_m,
        cast(range_drop_m as double) as range_drop_m,
        cast(
            greatest({{ seconds_between('next_moment_at', 'previous_moment_at') }}, 0) / 60
            as double
        ) as minutes_lo,
        cast({{ seconds_between('last_observed_at', 'first_observed_at') }} / 60 as double)
            as minutes_hi,
        last_observed_at as departed_after_at,
        next_moment_at as departed_by_at,
        previous_moment_at as arrived_after_at,
        first_observed_at as arrived_by_at,
        {{ built_at() }} as built_at
    from identified
)

select * from final
