with versions as (
    select
        *,
        {{ fingerprint(['system_id', 'lat', 'lon']) }} as place_number
    from {{ ref('dim_station') }}
    where is_listed and lat is not null and lon is not null
),

places as (
    select distinct
        place_number,
        system_id,
        lat,
        lon
    from versions
),

zones as (
    select * from {{ ref('dim_zone') }}
),

inside as (
    {{ places_in_zones('places', 'zones') }}
),

final as (
    select
        versions.station_version_sk,
        versions.station_sk,
        zones.zone_sk,
        versions.system_id,
        versions.station_id,
        zones.zone_kind,
        greatest(versions.valid_from, zones.valid_from) as valid_from,
        least(
            coalesce(versions.valid_to, zones.valid_to),
            coalesce(zones.valid_to, versions.valid_to)
        ) as valid_to
    from versions
    inner join inside on versions.place_number = inside.place_number
    inner join zones
        on
            inside.zone_sk = zones.zone_sk
            and versions.system_id = zones.system_id
            and coalesce(versions.valid_from < zones.valid_to, true)
            and coalesce(versions.valid_to > zones.valid_from, true)
)

select * from final
