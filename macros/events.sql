{#- What devices tell of themselves. -#}

{#- A number among the attributes of an event; null where it is none, or out of bounds. -#}
{% macro event_number(attributes, member, least, most) -%}
    case
        when
            try_cast(json_extract_string({{ attributes }}, '$.{{ member }}') as double)
            between {{ least }} and {{ most }}
            then try_cast(json_extract_string({{ attributes }}, '$.{{ member }}') as double)
    end
{%- endmacro %}
