{#- A condition: a date of a table is one of its last so many days, as `anomaly_days`. -#}
{% macro within_last_days(table, column, days) -%}
    {{ column }} >= (select cast(max({{ column }}) - {{ days }} as date) from {{ table }})
{%- endmacro %}
