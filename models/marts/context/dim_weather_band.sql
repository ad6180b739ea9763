with bands as (
    select * from {{ ref('weather_bands') }}
),

final as (
    select
        weather_band_id,
        temperature_band,
        rain_band,
        wind_band,
        temperature_from_c,
        temperature_to_c,
        is_wet,
        wind_from_kmh,
        wind_to_kmh
    from bands
)

select * from final
