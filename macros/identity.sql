{#- What a trip file calls a station: its id, or where there is none its name. -#}
{% macro station_ref(id, name) -%}
    coalesce({{ id }}, {{ name }})
{%- endmacro %}


{#- What is left of an id without prefix, leading zeros and case: `bcycle_0123` and `123` are alike. -#}
{% macro id_key(id) -%}
    nullif(ltrim(lower(regexp_extract({{ id }}, '[^_\-:/ ]+$')), '0'), '')
{%- endmacro %}


{#- A name's letters and digits, without case and accents. -#}
{% macro name_key(name) -%}
    nullif(regexp_replace(lower(strip_accents({{ name }})), '[^\p{L}\p{N}]', '', 'g'), '')
{%- endmacro %}


{#- Whether a moment lies in the time over which a row of `dim_station_xref` holds. -#}
{% macro is_in_version(moment, version) -%}
    {{ moment }} >= {{ version }}.valid_from
    and ({{ version }}.valid_to is null or {{ moment }} < {{ version }}.valid_to)
{%- endmacro %}
