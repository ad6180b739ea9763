{{
    config(
        materialized='incremental',
        unique_key=['system_id', 'observed_on'],
        pre_hook="{{ forget_rezoned_systems(ref('dim_system')) }}",
    )
}}

-- Recomputed: the UTC days of which any hour was told anew, and all days of a system that has
-- another time zone now.
with touched_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('stg_weather__hour') }}
    where
        built_at > {{ seen_until() }}
        or system_id not in ({{ systems_held() }})
),

-- of the answers about an hour the latest that knows temperature and rain counts, else the latest
ranked as (
    select
        hours.*,
        row_number() over (
            partition by hours.system_id, hours.hour_at
            order by
                hours.temperature_c is not null and hours.precipitation_mm is not null desc,
                hours.issued_at desc,
                hours.request_id desc
        ) as place
    from {{ ref('stg_weather__hour') }} as hours
    inner join touched_days
        on hours.system_id = touched_days.system_id and hours.observed_on = touched_days.observed_on
),

systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

bands as (
    select * from {{ ref('dim_weather_band') }}
),

final as (
    select
        ranked.system_id,
        ranked.hour_at,
        bands.weather_band_id,
        ranked.observed_on,
        systems.timezone,
        {{ local_time('ranked.hour_at', 'systems.timezone') }} as local_hour_at,
        ranked.is_forecast,
        ranked.temperature_c,
        ranked.precipitation_mm,
        ranked.wind_kmh,
        ranked.humidity_pct,
        ranked.issued_at,
        {{ built_at() }} as built_at
    from ranked
    inner join systems on ranked.system_id = systems.system_id
    left join bands
        on
            ranked.temperature_c >= bands.temperature_from_c
            and ranked.temperature_c < bands.temperature_to_c
            and ranked.wind_kmh >= bands.wind_from_kmh
            and ranked.wind_kmh < bands.wind_to_kmh
            and (ranked.precipitation_mm > 0) = bands.is_wet
    where ranked.place = 1
)

select * from final
