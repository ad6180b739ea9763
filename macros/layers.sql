{#- The layers' schemas are called just what the models say: bronze, silver, gold. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}


{#- Before anything is built: is there a lake? What is missing is said with its mend. -#}
{% macro require_landed() %}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {%- set lake = env_var('MOBILAKE_LAKE', env_var('MOBILAKE_HOME', 'data') ~ '/lake') -%}
        {%- for source in graph.sources.values() if source.schema == 'raw' -%}
            {%- set logs = run_query(
                "select count(*) from glob('" ~ lake ~ "/raw/" ~ source.name ~ "/_delta_log/*')"
            ) -%}
            {%- if logs.columns[0].values()[0] == 0 -%}
                {{ exceptions.raise_compiler_error(
                    "Nothing has landed in " ~ lake ~ " yet: `make run` builds the simulated city;"
                    ~ " for a real system, `mobilake systems add URL` and `mobilake ingest`."
                ) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
