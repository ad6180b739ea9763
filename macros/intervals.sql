{#- One number for the values of several columns: equal values, equal numbers. -#}
{% macro fingerprint(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}


{#-
    Whether two observations lie so close together that what one says holds until the other: no
    more than some expected intervals apart, be it the one's or the other's, and never half a day.
-#}
{% macro is_within_reach(earlier, later, neighbours_interval_s) -%}
    {{ seconds_between(earlier, later) }} <= least(
        {{ var('gap_intervals') }} * greatest(expected_interval_s, {{ neighbours_interval_s }}),
        {{ var('gap_limit_s') }}
    )
{%- endmacro %}


{#- Whether two moments lie within half a day: further apart nothing is compared. -#}
{% macro is_near(earlier, later) -%}
    {{ seconds_between(earlier, later) }} <= {{ var('gap_limit_s') }}
{%- endmacro %}


{#- Whether the time between two usable polls is a gap (R6): three times as long as expected. -#}
{% macro is_feed_gap(earlier, later, earlier_interval_s, later_interval_s) -%}
    {{ seconds_between(earlier, later) }}
    > {{ var('gap_intervals') }} * greatest({{ earlier_interval_s }}, {{ later_interval_s }})
{%- endmacro %}


{#- Seconds from one UTC timestamp to a later one, with fractions. -#}
{% macro seconds_between(earlier, later) -%}
    ((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1000000.0)
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


{#- The UTC timestamp at which a local clock shows an hour of a local day; 24 is the day's end. -#}
{% macro local_hour(day, hour, timezone) -%}
    ((cast({{ day }} as timestamp) + to_hours({{ hour }})) at time zone {{ timezone }})
    at time zone 'UTC'
{%- endmacro %}


{#- What a local clock in a time zone shows at a UTC timestamp. -#}
{% macro local_time(moment, timezone) -%}
    ({{ moment }} at time zone 'UTC') at time zone {{ timezone }}
{%- endmacro %}


{#-
    Before a model of service days is built: it forgets the systems that have another time zone
    now, in which some of their days may exist no more ...
-#}
{% macro forget_rezoned_systems(systems) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where (system_id, timezone) not in (
            select system_id, timezone from {{ systems }} where is_registered and is_current
        )
    {%- endif -%}
{%- endmacro %}


{#- The systems that an incremental model holds; none where it is built anew. -#}
{% macro systems_held() -%}
    {%- if is_incremental() -%}
        select system_id from {{ this }}
    {%- else -%}
        select cast(null as varchar) as system_id where false
    {%- endif -%}
{%- endmacro %}


{#- The days that a model of clusters holds, and the number of the clusters that each was made with. -#}
{% macro clusters_held() -%}
    {%- if is_incremental() -%}
        select
            system_id,
            service_on,
            clusters_number
        from {{ this }}
    {%- else -%}
        select
            cast(null as varchar) as system_id,
            cast(null as date) as service_on,
            cast(null as ubigint) as clusters_number
        where false
    {%- endif -%}
{%- endmacro %}


{#- ... and what follows from it forgets the days that it has no more. -#}
{% macro forget_days_missing_in(service_days) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where (system_id, service_on) not in (select system_id, service_on from {{ service_days }})
    {%- endif -%}
{%- endmacro %}


{#-
    The sum of `microseconds` of the rows for which a condition holds, in minutes. Whole numbers are
    summed, so that the result does not depend on the order of the rows.
-#}
{% macro minutes_where(condition) -%}
    sum(case when {{ condition }} then microseconds else 0 end) / 60000000.0
{%- endmacro %}


{#- The sum of a column of minutes that were made so, as exactly. -#}
{% macro sum_of_minutes(column) -%}
    sum(cast(round({{ column }} * 60000000) as bigint)) / 60000000.0
{%- endmacro %}


{#- A measure, undefined where too little of the time was seen to speak of it. -#}
{% macro when_covered(measure, coverage_pct='coverage_pct') -%}
    case
        when {{ coverage_pct }} >= 100 * {{ var('coverage_floor') }}
            then {{ measure }}
    end
{%- endmacro %}


{#- Whether an outage goes on between two observations: at most one poll was missed, give or take half. -#}
{% macro is_one_outage(earlier, later, interval_s='expected_interval_s') -%}
    {{ seconds_between(earlier, later) }} <= ({{ var('missed_polls') }} + 1.5) * {{ interval_s }}
{%- endmacro %}


{#- ... of the rows for which a condition holds. -#}
{% macro sum_of_minutes_where(column, condition) -%}
    sum(case when {{ condition }} then cast(round({{ column }} * 60000000) as bigint) else 0 end)
    / 60000000.0
{%- endmacro %}
