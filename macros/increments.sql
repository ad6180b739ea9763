{#-
    What is new, told by the build that took it in.

    Bronze takes what landed; every row bears `built_at`, the start of the build that made it.
    Whatever follows looks at the `built_at` of what it reads: a build killed halfway is made good
    by the next one, in whatever order models had been done.
-#}

{% macro built_at() -%}
    cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
{%- endmacro %}


{#- The newest build that this model has seen the results of, as a literal. -#}
{% macro seen_until() -%}
    {%- set found = none -%}
    {%- if execute and is_incremental() -%}
        {%- set found = run_query('select max(built_at) from ' ~ this).columns[0].values()[0] -%}
    {%- endif -%}
    cast('{{ found or "1970-01-01" }}' as timestamp)
{%- endmacro %}


{#-
    A condition on a raw table: rows that landed since the last build, with an hour's overlap, for
    a writer stamps its rows shortly before its commit shows. The rows in the overlap that were
    taken before are told by their key, looked up beforehand: no body of theirs is read again.

    Where `mobilake` builds, and `bytes` is the column with the size of a row, no more is taken at
    once than MOBILAKE_SLICE_MB, in the order of landing; that there is more is said, and `mobilake`
    builds again.
-#}
{% macro newly_landed(raw, key, bytes=none) -%}
    {{ _unseen(raw, key) }}
    {%- if execute and bytes and target.name != 'live' and env_var('MOBILAKE_SLICE_MB', '') %}
        {%- set ends = run_query(
            "with landed as ("
            ~ "    select landed_at at time zone 'UTC' as landed_at, coalesce(sum(" ~ bytes ~ "), 0) as bytes"
            ~ "    from " ~ raw ~ " where " ~ _unseen(raw, key) ~ " group by 1"
            ~ "), summed as ("
            ~ "    select landed_at, sum(bytes) over (order by landed_at) as bytes from landed"
            ~ ") select"
            ~ "    coalesce("
            ~ "        max(landed_at) filter (where bytes <= "
            ~ env_var('MOBILAKE_SLICE_MB') ~ " * 1e6), min(landed_at)"
            ~ "    ), max(landed_at) from summed"
        ).rows[0] -%}
        {%- if ends[0] != ends[1] %}
            and landed_at <= cast('{{ ends[0] }}+00' as timestamptz)
            {%- do log('more_landed', info=true) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{% macro _unseen(raw, key) -%}
    {%- if execute and is_incremental() -%}
        {%- set since = run_query(
            "select coalesce(max(landed_at), '1970-01-02') - interval 1 hour from " ~ this
        ).columns[0].values()[0] -%}
        {%- set unseen -%}
            landed_on >= cast('{{ since.date() }}' as date)
            and landed_at >= cast('{{ since }}+00' as timestamptz)
            and {{ key }} not in (
                select {{ key }} from {{ this }} where landed_at >= cast('{{ since }}' as timestamp)
            )
        {%- endset -%}
        {%- set first = run_query(
            "select min(landed_at at time zone 'UTC') from " ~ raw ~ ' where ' ~ unseen
        ).columns[0].values()[0] -%}
        {%- if first -%}
            {{ unseen }}
            and landed_at >= cast('{{ first }}+00' as timestamptz)
        {%- else -%}
            false
        {%- endif -%}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{#-
    A condition on the raw fetches: the bodies of feeds that the fetch model took in and this
    model has not seen.
-#}
{% macro newly_fetched(feeds) -%}
    {%- set wanted -%}
        is_json and feed in ('{{ ([feeds] if feeds is string else feeds) | join("', '") }}')
        and built_at > {{ seen_until() }}
    {%- endset -%}
    {{ _fetches(wanted, 'select fetch_id from ' ~ ref('stg_gbfs__fetch') ~ ' where ' ~ wanted) }}
{%- endmacro %}


{#-
    The same for feeds of which a content is read once, however often it was served: one fetch of
    every content that this model, which names it in `content_id`, does not hold.
-#}
{% macro newly_served(feeds) -%}
    {%- set wanted -%}
        is_json and feed in ('{{ ([feeds] if feeds is string else feeds) | join("', '") }}')
        {%- if is_incremental() %}
        and content_id not in (select content_id from {{ this }})
        {%- endif %}
    {%- endset -%}
    {%- set first -%}
        select min(fetch_id) from {{ ref('stg_gbfs__fetch') }} where {{ wanted }} group by content_id
    {%- endset -%}
    {{ _fetches('fetch_id in (' ~ first ~ ')', first) }}
{%- endmacro %}


{#-
    A condition on the raw fetches: those that a query names. The literal times at which they landed
    let the lake skip days and files: without them the bodies of all would be read.
-#}
{% macro _fetches(wanted, names) -%}
    {%- set landed = none -%}
    {%- if execute and is_incremental() -%}
        {%- set landed = run_query(
            'select min(landed_at), max(landed_at) from ' ~ ref('stg_gbfs__fetch')
            ~ ' where ' ~ wanted
        ).rows[0] -%}
    {%- endif -%}
    fetch_id in ({{ names }})
    {%- if landed and landed[0] %}
    and landed_on between cast('{{ landed[0].date() }}' as date)
        and cast('{{ landed[1].date() }}' as date)
    and landed_at between cast('{{ landed[0] }}+00' as timestamptz)
        and cast('{{ landed[1] }}+00' as timestamptz)
    {%- elif landed %}
    and false
    {%- endif %}
{%- endmacro %}


{#-
    A condition on observations: of the bodies that tell of the touched moments and of some days
    beside them. It follows from the days, but literal names, which begin with the time, let
    DuckDB skip the rest of the history.
-#}
{% macro bodies_around(moments, touched, days) -%}
    {%- set bodies = none -%}
    {%- if execute and is_incremental() -%}
        {%- set spans -%}
            select
                system_id,
                min(observed_on) - {{ days }} as first_on,
                max(observed_on) + {{ days }} as last_on
            from {{ moments }}
            where {{ touched }}
            group by system_id
        {%- endset -%}
        {%- set bodies = run_query(
            'select min(body_fetch_id), max(body_fetch_id) from ' ~ moments
            ~ ' as moments inner join (' ~ spans ~ ') as spans'
            ~ ' on moments.system_id = spans.system_id'
            ~ ' and moments.observed_on between spans.first_on and spans.last_on'
        ).rows[0] -%}
    {%- endif -%}
    {%- if bodies and bodies[0] -%}
        body_fetch_id between '{{ bodies[0] }}' and '{{ bodies[1] }}'
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{#-
    How dbt replaces the days of an incremental model on DuckDB. The adapter's own way joins every
    new row with every old one of its day: 137 s for 1.2 million intervals of 264 days, against 3 s.
-#}
{% macro duckdb__get_delete_insert_merge_sql(
    target, source, unique_key, dest_columns, incremental_predicates
) -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    delete from {{ target }}
    where ({{ keys | join(', ') }}) in (select distinct {{ keys | join(', ') }} from {{ source }});

    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ source }}
{%- endmacro %}
