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
    case json_type(json_extract({{ shape }}, '$.' || {{ field }}))
        when 'ARRAY' then 'array'
        when 'OBJECT' then 'object'
        else
            case json_extract_string({{ shape }}, '$.' || {{ field }})
                when 'VARCHAR' then 'string'
                when 'BOOLEAN' then 'boolean'
                when 'NULL' then 'null'
                when 'UBIGINT' then 'number'
                when 'BIGINT' then 'number'
                when 'DOUBLE' then 'number'
                when 'HUGEINT' then 'number'
            end
    end
{%- endmacro %}


{#- Whether two items of a list have the same value in a member, or none has one. -#}
{% macro has_repeats(list, member) -%}
    len(list_distinct(list_transform({{ list }}, lambda item: item.{{ member }}))) < len({{ list }})
{%- endmacro %}
