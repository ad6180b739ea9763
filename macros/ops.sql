{#- What an operations database holds, as it landed: text, one row per state that a pass found. -#}

{#-
    The last state of each row, with `is_deleted` and `deleted_at`. What counts is the order in
    which passes read the states: a stamp of the database can go back when a backup is restored.
-#}
{% macro ops_last_states(raw) -%}
    select
        *,
        cast(read_at at time zone 'UTC' as timestamp) as seen_at,
        gone_at is not null and gone_at > read_at as is_gone,
        case
            when gone_at > read_at then cast(gone_at at time zone 'UTC' as timestamp)
        end as deleted_at
    from (
        select
            *,
            row_number() over (
                partition by row_id, is_deleted
                order by read_at desc, row_hash
            ) as recency,
            max(case when is_deleted then read_at end) over (partition by row_id) as gone_at
        from {{ raw }}
    ) as states
    where not is_deleted and recency = 1
{%- endmacro %}


{#- A time as it landed, UTC; null where it is none. Years such as 9999 stand for no time. -#}
{% macro ops_time(text) -%}
    case
        when
            try_cast({{ text }} as timestamptz)
            between timestamptz '1970-01-01 00:00:00+00' and timestamptz '2199-12-31 23:59:59+00'
            then cast(try_cast({{ text }} as timestamptz) at time zone 'UTC' as timestamp)
    end
{%- endmacro %}


{#- A word of the database (a kind, a status), in small letters with underscores. -#}
{% macro ops_word(text) -%}
    regexp_replace(lower(trim({{ text }})), '[^a-z0-9]+', '_', 'g')
{%- endmacro %}
