{#- What trip files write, read: text of a field, times, durations, coordinates, ids. -#}

{#- A field's text without blanks around it; null where it says in some way that it has no value. -#}
{% macro trip_text(field) -%}
    case when trim({{ field }}) not in ('', '\N', 'NULL', 'null', 'NaN', 'nan') then trim({{ field }}) end
{%- endmacro %}


{#-
    A local time, null unless both its day and its hour are there. Days come first where dots part
    them, and where slashes do if the family writes them so.
-#}
{% macro trip_time(text, day_first) -%}
    case
        when {{ text }} like '____-__-__%:%'
            then try_cast(substr(replace({{ text }}, 'T', ' '), 1, 26) as timestamp)
        when regexp_matches({{ text }}, '^\d{1,2}\.\d{1,2}\.\d{4} \d')
            then try_strptime({{ text }}, ['%d.%m.%Y %H:%M:%S', '%d.%m.%Y %H:%M'])
        when regexp_matches({{ text }}, '^\d{1,2}/\d{1,2}/\d{4} \d') and {{ day_first }}
            then try_strptime(
                {{ text }},
                ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y %H:%M', '%d/%m/%Y %I:%M:%S %p', '%d/%m/%Y %I:%M %p']
            )
        when regexp_matches({{ text }}, '^\d{1,2}/\d{1,2}/\d{4} \d')
            then try_strptime(
                {{ text }},
                ['%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %I:%M %p']
            )
        when regexp_matches({{ text }}, '^\d{1,2}/\d{1,2}/\d{2} \d') and {{ day_first }}
            then try_strptime(
                {{ text }},
                ['%d/%m/%y %H:%M:%S', '%d/%m/%y %H:%M', '%d/%m/%y %I:%M:%S %p', '%d/%m/%y %I:%M %p']
            )
        when regexp_matches({{ text }}, '^\d{1,2}/\d{1,2}/\d{2} \d')
            then try_strptime(
                {{ text }},
                ['%m/%d/%y %H:%M:%S', '%m/%d/%y %H:%M', '%m/%d/%y %I:%M:%S %p', '%m/%d/%y %I:%M %p']
            )
    end
{%- endmacro %}


{#- A time that states its offset, as UTC; null where it states none. -#}
{% macro trip_utc_time(text) -%}
    case
        when regexp_matches({{ text }}, '^\d{4}-\d\d-\d\d.*:.*(Z|[+-]\d\d(:?\d\d)?)$')
            then cast(try_cast({{ text }} as timestamptz) at time zone 'UTC' as timestamp)
    end
{%- endmacro %}


{#- A duration's number: `1,783.0`, `12,5`, or in seconds `0h 14m 26sec.` and `00:14:26`. -#}
{% macro trip_duration(text) -%}
    case
        when regexp_matches({{ text }}, '^-?\d+(\.\d+)?$') then try_cast({{ text }} as double)
        when regexp_matches({{ text }}, '^\d{1,3}(,\d{3})+(\.\d+)?$')
            then try_cast(replace({{ text }}, ',', '') as double)
        when regexp_matches({{ text }}, '^-?\d+,\d+$') then try_cast(replace({{ text }}, ',', '.') as double)
        when regexp_matches({{ text }}, '^\d+h \d+m \d+s(ec)?\.?$')
            then
                3600 * cast(regexp_extract({{ text }}, '^(\d+)h', 1) as double)
                + 60 * cast(regexp_extract({{ text }}, ' (\d+)m', 1) as double)
                + cast(regexp_extract({{ text }}, ' (\d+)s', 1) as double)
        when regexp_matches({{ text }}, '^\d+:\d\d:\d\d$')
            then
                3600 * cast(regexp_extract({{ text }}, '^(\d+):', 1) as double)
                + 60 * cast(regexp_extract({{ text }}, ':(\d\d):', 1) as double)
                + cast(regexp_extract({{ text }}, ':(\d\d)$', 1) as double)
    end
{%- endmacro %}


{#- A coordinate's number as it stands, with a decimal comma or with points between thousands. -#}
{% macro trip_coordinate(text) -%}
    case
        when regexp_matches({{ text }}, '^-?\d+(\.\d+){2,}$') then try_cast(replace({{ text }}, '.', '') as double)
        else try_cast(replace({{ text }}, ',', '.') as double)
    end
{%- endmacro %}


{#-
    A coordinate in degrees: one out of range lost its decimal point, which is set again where just
    one place for it leads near where the other rides of the file are. Zero is no place.
-#}
{% macro trip_degrees(number, limit, near) -%}
    case
        when {{ number }} = 0 then null
        when abs({{ number }}) <= {{ limit }} then {{ number }}
        else list_filter(
            list_transform(range(1, 16), lambda places: round({{ number }} / pow(10, places), 8)),
            lambda degrees: abs(degrees - {{ near }}) < 1
        )[1]
    end
{%- endmacro %}


{#- Whether two coordinates lie off the globe or at 0, 0: they stand for no place as written. -#}
{% macro is_no_place(lat, lng) -%}
    (abs({{ lat }}) > 90 or abs({{ lng }}) > 180 or ({{ lat }} = 0 and {{ lng }} = 0))
{%- endmacro %}


{#- Whether a spreadsheet cut an id's digits off: `1.42E+15`. -#}
{% macro is_cut_id(text) -%}
    coalesce(regexp_matches({{ text }}, '^\d([.,]\d+)?[eE]\+\d+$'), false)
{%- endmacro %}


{#- An id: null where its digits are cut off; a number's empty decimals (`519.0`) are taken away. -#}
{% macro trip_id(text) -%}
    case
        when {{ is_cut_id(text) }} then null
        when regexp_matches({{ text }}, '^\d+\.0$') then regexp_extract({{ text }}, '^\d+')
        else {{ text }}
    end
{%- endmacro %}


{#-
    A condition on rows of trip files: those of files that this model has not read, or not in the
    zone that counts now. Their ids are literals, which let the lake skip the files of all others.
-#}
{% macro unread_files() -%}
    {%- set files = ref('int_trips__files') -%}
    {%- if execute and is_incremental() -%}
        {%- set found = run_query(
            'select file_id from ' ~ files
            ~ ' where (file_id, timezone) not in (select distinct file_id, timezone from ' ~ this ~ ')'
        ).columns[0].values() -%}
        {%- if found -%}
            file_id in ('{{ found | join("', '") }}')
        {%- else -%}
            false
        {%- endif -%}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
