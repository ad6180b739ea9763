-- A ring that is not closed is closed here: an edge of no length harms nothing.
with zones as (
    select
        zone_sk,
        {{ parsed_polygons('polygons') }} as polygons
    from {{ ref('int_zones__versions') }}
),

parts as (
    select
        zone_sk,
        unnest(polygons) as outline,
        generate_subscripts(polygons, 1) as polygon_number
    from zones
),

rings as (
    select
        zone_sk,
        polygon_number,
        unnest(outline) as ring,
        generate_subscripts(outline, 1) as ring_number
    from parts
),

corners as (
    select
        *,
        unnest(range(1, len(ring) + 1)) as corner
    from rings
),

final as (
    select
        zone_sk,
        cast(polygon_number as integer) as polygon_number,
        cast(ring_number as integer) as ring_number,
        cast(corner as integer) as edge_number,
        ring[corner][1] as from_lon,
        ring[corner][2] as from_lat,
        ring[corner % len(ring) + 1][1] as to_lon,
        ring[corner % len(ring) + 1][2] as to_lat
    from corners
)

select * from final
