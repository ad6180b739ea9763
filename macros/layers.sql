{#- The layers' schemas are called just what the models say: bronze, silver, gold. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}


{#-
    Before anything is built: has anything landed? If not, that is said with its mend. What counts
    are the tables that are filled at a pace, and so have a freshness. Tables that a lake lacks
    because it is older than they are have been made by then, by `ingestion/duckdb_plugin.py`.
-#}
{% macro require_landed() %}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {%- set lake = env_var('MOBILAKE_LAKE', env_var('MOBILAKE_HOME', 'data') ~ '/lake') -%}
        {%- set landed = [] -%}
        {%- for source in graph.sources.values() if source.schema == 'raw' and source.freshness -%}
            {%- set table = lake ~ '/raw/' ~ source.name -%}
            {%- set logs = run_query("select count(*) from glob('" ~ table ~ "/_delta_log/*')") -%}
            {%- if logs.columns[0].values()[0] -%}
                {%- set rows = run_query("select 1 from delta_scan('" ~ table ~ "') limit 1") -%}
                {%- do landed.append(rows | length > 0) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if true not in landed -%}
            {{ exceptions.raise_compiler_error(
                "Nothing has landed in " ~ lake ~ " yet: " ~ var('how_to_land') ~ "."
            ) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
