-- The area of a ring on a sphere, to the square metre of whole numbers: the order of the edges does
-- not matter. What is cut out of a polygon is taken off.
with edges as (
    select * from {{ ref('int_zones__edges') }}
),

rings as (
    select
        zone_sk,
        polygon_number,
        ring_number,
        abs(cast(sum(cast(round(
            radians(to_lon - from_lon) * (2 + sin(radians(from_lat)) + sin(radians(to_lat)))
            * 6371000.0 * 6371000.0 / 2
        ) as bigint)) as double)) as area_m2,
        min(from_lat) as least_lat,
        max(from_lat) as greatest_lat,
        min(from_lon) as least_lon,
        max(from_lon) as greatest_lon
    from edges
    group by zone_sk, polygon_number, ring_number
),

measured as (
    select
        zone_sk,
        sum(cast(case when ring_number = 1 then area_m2 else -area_m2 end as bigint)) as area_m2,
        min(least_lat) as least_lat,
        max(greatest_lat) as greatest_lat,
        min(least_lon) as least_lon,
        max(greatest_lon) as greatest_lon
    from rings
    group by zone_sk
),

final as (
    select
        zones.zone_sk,
        zones.system_id,
        zones.zone_source,
        zones.kind as zone_kind,
        zones.zone_name,
        zones.priority,
        zones.geometry_hash,
        zones.polygons,
        cast(measured.area_m2 / 1000000.0 as double) as area_km2,
        measured.least_lat,
        measured.greatest_lat,
        measured.least_lon,
        measured.greatest_lon,
        zones.valid_to is null as is_current,
        zones.valid_from,
        zones.valid_to
    from {{ ref('int_zones__versions') }} as zones
    inner join measured on zones.zone_sk = measured.zone_sk
)

select * from final
