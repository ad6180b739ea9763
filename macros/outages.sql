{#-
    Which outages a build makes anew. Outages with nothing but gaps between them are a chain: they
    share their bounds. A chain may change where it reaches a day that silver computed anew, and
    nothing before the first such day changes.
-#}

{#- The systems with such days since a build, and when the first of them began. -#}
{% macro touched_outages(since) -%}
    select
        system_id,
        cast(min(observed_on) as timestamp) as first_at
    from {{ ref('int_stations__outage_pieces') }}
    where built_at > {{ since }}
    group by system_id
{%- endmacro %}


{#-
    Given `touched`: the chains that reach into it, by station and state, and when the first began.
    What is made anew begins there or with the first such day, whichever is earlier.
-#}
{% macro outage_cuts(outages) -%}
    select
        outages.system_id,
        outages.station_id,
        outages.state,
        min(outages.first_observed_at) as first_observed_at
    from {{ outages }} as outages
    inner join (
        select distinct
            reaching.system_id,
            reaching.station_id,
            reaching.state,
            reaching.previous_observed_at
        from {{ outages }} as reaching
        inner join touched on reaching.system_id = touched.system_id
        where
            coalesce(
                reaching.next_observed_at,
                reaching.last_observed_at + to_seconds({{ var('gap_limit_s') }})
            ) >= touched.first_at
    ) as chains
        on
            outages.system_id = chains.system_id
            and outages.station_id = chains.station_id
            and outages.state = chains.state
            and outages.previous_observed_at is not distinct from chains.previous_observed_at
    group by outages.system_id, outages.station_id, outages.state
{%- endmacro %}


{#- After an incremental build of the outages: those go that it made anew, or that are none now. -#}
{% macro forget_remade_outages() -%}
    {%- if is_incremental() -%}
        {%- set before = 'built_at < ' ~ built_at() -%}
        delete from {{ this }}
        where {{ before }} and outage_id in (
            with touched as (
                {{ touched_outages(
                    "coalesce((select max(built_at) from " ~ this ~ " where " ~ before
                    ~ "), timestamp '1970-01-01')"
                ) }}
            ),

            cuts as (
                {{ outage_cuts("(select * from " ~ this ~ " where " ~ before ~ ")") }}
            )

            select outages.outage_id
            from {{ this }} as outages
            inner join touched on outages.system_id = touched.system_id
            left join cuts
                on
                    outages.system_id = cuts.system_id
                    and outages.station_id = cuts.station_id
                    and outages.state = cuts.state
            where
                outages.{{ before }}
                and outages.first_observed_at
                >= least(cuts.first_observed_at, touched.first_at)
        )
    {%- endif -%}
{%- endmacro %}
