-- A stay is a breach for as long as it was seen where no vehicle may stand.
with stays as (
    select * from {{ ref('fct_vehicle_stay') }}
    where breach_kind is not null
),

final as (
    select
        stay_id as breach_id,
        stay_id,
        breach_zone_sk as zone_sk,
        zone_sk as council_sk,
        system_id,
        vehicle_id,
        vehicle_type_id,
        breach_kind,
        is_disabled_at_end,
        lat,
        lon,
        expected_interval_s,
        cast({{ seconds_between('breach_first_seen_at', 'breach_last_seen_at') }} / 60 as double)
            as minutes_lo,
        breach_first_seen_at as first_seen_at,
        breach_last_seen_at as last_seen_at,
        built_at
    from stays
)

select * from final
