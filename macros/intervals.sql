{#- Whether any of the columns differs from the row before, in the window called `in_order`. -#}
{% macro is_changed(columns) -%}
    (
        {%- for column in columns %}
        {{ column }} is distinct from lag({{ column }}) over in_order
        {%- if not loop.last %} or{% endif %}
        {%- endfor %}
    )
{%- endmacro %}


{#- How long, in seconds, two observations may lie apart before nothing is known between them. -#}
{% macro gap_after_s(interval_s) -%}
    least({{ var('gap_intervals') }} * {{ interval_s }}, {{ var('gap_limit_s') }})
{%- endmacro %}


{#- Seconds from one UTC timestamp to a later one, with fractions. -#}
{% macro seconds_between(earlier, later) -%}
    (epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1000000.0
{%- endmacro %}


{#- A surrogate key from natural ones. -#}
{% macro surrogate_key(columns) -%}
    md5(
        {%- for column in columns -%}
        coalesce(cast({{ column }} as varchar), '') {%- if not loop.last %} || '|' || {% endif -%}
        {%- endfor -%}
    )
{%- endmacro %}


{#- The UTC timestamp at which a local day begins in a time zone. -#}
{% macro local_midnight(day, timezone) -%}
    (cast({{ day }} as timestamp) at time zone {{ timezone }}) at time zone 'UTC'
{%- endmacro %}


{#-
    Before a model of service days is built: it forgets the systems that were registered anew since,
    for in another time zone some of their days may exist no more ...
-#}
{% macro forget_rezoned_systems(systems) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where system_id in (select system_id from {{ systems }} where registered_at > {{ seen_until() }})
    {%- endif -%}
{%- endmacro %}


{#- ... and what follows from it forgets the days that it has no more. -#}
{% macro forget_days_missing_in(service_days) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where (system_id, service_on) not in (select system_id, service_on from {{ service_days }})
    {%- endif -%}
{%- endmacro %}


{#- The sum of `minutes` of the rows for which a condition holds. -#}
{% macro minutes_where(condition) -%}
    cast(sum(case when {{ condition }} then minutes else 0 end) as double)
{%- endmacro %}


{#- A measure, undefined where too little of the time was seen to speak of it. -#}
{% macro when_covered(measure, coverage_pct='coverage_pct') -%}
    case
        when {{ coverage_pct }} >= 100 * {{ var('coverage_floor') }}
            then {{ measure }}
    end
{%- endmacro %}
