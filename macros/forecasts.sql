{#-
    A station's count in millionths as it was so many hours before, whatever hours are missing.
    Hours are numbered: ranges of intervals took DuckDB three times as long.
-#}
{% macro hours_before(column, hours) -%}
    max({{ column }}) over (
        partition by station_sk
        order by hour_number
        range between {{ hours }} preceding and {{ hours }} preceding
    ) / 1000000.0
{%- endmacro %}


{#- The mean of those columns of a row that are not null; null where all are. -#}
{% macro mean_of_known(columns) -%}
    cast(
        ({% for column in columns %}
        {{- '' if loop.first else ' + ' }}coalesce({{ column }}, 0)
        {%- endfor %})
        / nullif({% for column in columns %}
        {{- '' if loop.first else ' + ' }}cast({{ column }} is not null as integer)
        {%- endfor %}, 0)
        as double
    )
{%- endmacro %}
