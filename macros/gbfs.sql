{#-
    A GBFS time, POSIX seconds or RFC 3339, as a UTC timestamp; null where it is neither, or not
    in the years 1970 to 9999: feeds write `inf`, milliseconds and worse, which must not stop us.
-#}
{% macro gbfs_timestamp(text) -%}
    case
        when try_cast({{ text }} as double) between 0 and 253402300799
            then make_timestamp(cast(try_cast({{ text }} as double) * 1000000 as bigint))
        when
            try_cast({{ text }} as timestamptz)
            between timestamptz '1970-01-01 00:00:00+00' and timestamptz '9999-12-31 23:59:59+00'
            then cast(try_cast({{ text }} as timestamptz) at time zone 'UTC' as timestamp)
    end
{%- endmacro %}


{#- A GBFS boolean: true and false, or 1 and 0 as versions before 2.0 wrote them. -#}
{% macro gbfs_boolean(text) -%}
    case
        when {{ text }} in ('true', '1') then true
        when {{ text }} in ('false', '0') then false
    end
{%- endmacro %}


{#- A GBFS name: a string, or since 3.0 an array of {text, language}, of which the first counts. -#}
{% macro gbfs_text(json) -%}
    coalesce(
        json_extract_string({{ json }}, '$[0].text'),
        case when json_type({{ json }}) = 'VARCHAR' then json_extract_string({{ json }}, '$') end
    )
{%- endmacro %}


{#- The JSON type of a member, told by the structure of the object: string, number, boolean, array. -#}
{% macro shape_type(shape, field) -%}
    {%- set member = 'json_extract(' ~ shape ~ ", '$.' || " ~ field ~ ')' -%}
    {{ structure_type(member) }}
{%- endmacro %}


{#- The JSON type of what has this structure. Of an object without members it is called JSON. -#}
{% macro structure_type(structure) -%}
    case json_type({{ structure }})
        when 'ARRAY' then 'array'
        when 'OBJECT' then 'object'
        else
            case json_extract_string({{ structure }}, '$')
                when 'VARCHAR' then 'string'
                when 'BOOLEAN' then 'boolean'
                when 'NULL' then 'null'
                when 'UBIGINT' then 'number'
                when 'BIGINT' then 'number'
                when 'DOUBLE' then 'number'
                when 'HUGEINT' then 'number'
                when 'JSON' then 'object'
            end
    end
{%- endmacro %}


{#-
    The values of a member over a list, in order, where one comes twice or is missing; else null.
-#}
{% macro ids_where_repeated(list, member) -%}
    case
        when
            len(list_distinct(list_transform({{ list }}, lambda item: item.{{ member }})))
            < len({{ list }})
            then list_transform({{ list }}, lambda item: item.{{ member }})
    end
{%- endmacro %}


{#-
    What is looked at in every document: its time, ttl, version and data, and the first item of its
    list, wherever a feed has it.
-#}
{% macro gbfs_envelope_paths() -%}
    {{ ['$.last_updated', '$.ttl', '$.version', '$.data'] + gbfs_first_item_paths() }}
{%- endmacro %}

{% macro gbfs_first_item_paths() -%}
    {{- return([
        '$.data.stations[0]', '$.data.vehicles[0]', '$.data.bikes[0]', '$.data.vehicle_types[0]',
        '$.data.plans[0]', '$.data.regions[0]', '$.data.alerts[0]', '$.data.rental_hours[0]',
        '$.data.calendars[0]', '$.data.versions[0]', '$.data.datasets[0]', '$.data.feeds[0]',
        '$.data.geofencing_zones.features[0].properties',
    ]) -}}
{%- endmacro %}


{#- The first item among the values of `gbfs_envelope_paths`. -#}
{% macro gbfs_first_item(envelope) -%}
    list_filter({{ envelope }}[5:], lambda item: item is not null)[1]
{%- endmacro %}


{#- The name of what a system's feed says, given its data: the same data, the same name. -#}
{% macro gbfs_content_id(data) -%}
    {{ surrogate_key(['system_id', 'feed', fingerprint([data])]) }}
{%- endmacro %}


{#-
    The items of a feed that seldom changes, of each content that this model does not hold, as they
    were served. The body goes through the join in a list of one, to be taken a few at a time.
-#}
{% macro gbfs_items(feed, list) -%}
    select
        content_id,
        system_id,
        unnest(items) as item,
        generate_subscripts(items, 1) as list_position
    from (
        select
            system_id,
            {{ gbfs_content_id("json_extract(bodies[1], '$.data')") }} as content_id,
            from_json(bodies[1], '{"data": {"{{ list }}": ["JSON"]}}').data.{{ list }} as items
        from (
            select
                * exclude (body),
                [body] as bodies
            from {{ source('raw', 'gbfs_fetch') }}
        ) as documents
        where {{ newly_served(feed) }}
    ) as contents
{%- endmacro %}


{#- A number; null where it is infinite or no number, which JSON has no word for and feeds still write. -#}
{% macro finite(number) -%}
    case when isfinite({{ number }}) then {{ number }} end
{%- endmacro %}


{#-
    Metres between two places, by the haversine formula on a sphere of 6,371 km; null where one of
    them is not known. Feeds place stations beyond the poles, where rounding can pass 0 or 1.
-#}
{% macro metres_between(lat1, lon1, lat2, lon2) -%}
    case
        when {{ lat1 }} + {{ lon1 }} + {{ lat2 }} + {{ lon2 }} is not null
            then 2 * 6371000 * asin(sqrt(least(1, greatest(
                0,
                power(sin(radians({{ lat2 }} - {{ lat1 }}) / 2), 2)
                + cos(radians({{ lat1 }})) * cos(radians({{ lat2 }}))
                * power(sin(radians({{ lon2 }} - {{ lon1 }}) / 2), 2)
            ))))
    end
{%- endmacro %}


{#- The polygons of a GeoJSON Polygon or MultiPolygon: lists of rings of (longitude, latitude). -#}
{% macro gbfs_polygons(geometry) -%}
    case json_extract_string({{ geometry }}, '$.type')
        when 'Polygon'
            then [from_json(json_extract({{ geometry }}, '$.coordinates'), '[[["DOUBLE"]]]')]
        when 'MultiPolygon'
            then from_json(json_extract({{ geometry }}, '$.coordinates'), '[[[["DOUBLE"]]]]')
    end
{%- endmacro %}


{#- The sum of the counts in a list of vehicle types. -#}
{% macro gbfs_sum_of_counts(list) -%}
    list_sum(list_transform(from_json({{ list }}, '[{"count": "BIGINT"}]'), lambda item: item.count))
{%- endmacro %}


{#- A value of the worldwide catalogue without the blanks and tabs around it; null where it is empty. -#}
{% macro catalogue_text(text) -%}
    nullif(trim({{ text }}, chr(9) || chr(10) || chr(13) || ' '), '')
{%- endmacro %}
