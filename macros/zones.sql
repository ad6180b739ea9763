{#-
    Places in zones, in plain SQL: a place is inside where a ray from it to the east crosses the
    zone's border an odd number of times. The rectangle around a zone is asked first: with 64 zones
    of 40 corners each that takes a twentieth of the time.
-#}

{#- The JSON text of a value. -#}
{% macro json_text(value) -%}
    cast(to_json({{ value }}) as varchar)
{%- endmacro %}


{#- The coordinates of a GeoJSON MultiPolygon, from their JSON text. -#}
{% macro parsed_polygons(text) -%}
    from_json({{ text }}, '[[[["DOUBLE"]]]]')
{%- endmacro %}


{#-
    Pairs of a place and a zone that it lies in.

    places: a CTE with `place_number`, `system_id`, `lat` and `lon`; zones: one with `zone_sk`,
    `system_id` and the rectangle. Gives `place_number` and `zone_sk`.
-#}
{% macro places_in_zones(places, zones) -%}
    select
        places.place_number,
        zones.zone_sk
    from {{ places }} as places
    inner join {{ zones }} as zones
        on
            places.system_id = zones.system_id
            and places.lat between zones.least_lat and zones.greatest_lat
            and places.lon between zones.least_lon and zones.greatest_lon
    inner join {{ ref('int_zones__edges') }} as edges
        on
            zones.zone_sk = edges.zone_sk
            and (edges.from_lat > places.lat) <> (edges.to_lat > places.lat)
            and places.lon
            < (edges.to_lon - edges.from_lon) * (places.lat - edges.from_lat)
            / (edges.to_lat - edges.from_lat) + edges.from_lon
    group by places.place_number, zones.zone_sk
    having count(*) % 2 = 1
{%- endmacro %}


{#- The days that a model holds, and the number of the zones that each was made with. -#}
{% macro zones_held(day) -%}
    {%- if is_incremental() -%}
        select distinct
            system_id,
            {{ day }} as observed_on,
            zones_number
        from {{ this }}
    {%- else -%}
        select
            cast(null as varchar) as system_id,
            cast(null as date) as observed_on,
            cast(null as ubigint) as zones_number
        where false
    {%- endif -%}
{%- endmacro %}


{#- The values of a group as a list, in order: the same values, the same list. -#}
{% macro sorted_list(column) -%}
    list({{ column }} order by {{ column }})
{%- endmacro %}


{#- Of the rows of a group the value in the first one by some order, null included; ties by value. -#}
{% macro first_by(column, order, condition='true') -%}
    first({{ column }} order by {{ order }}, {{ column }}) filter (where {{ condition }})
{%- endmacro %}


{#- The sum of a column of minutes over the rows for which a condition holds. -#}
{% macro minutes_if(condition, column) -%}
    coalesce({{ sum_of_minutes('case when ' ~ condition ~ ' then ' ~ column ~ ' end') }}, 0)
{%- endmacro %}
