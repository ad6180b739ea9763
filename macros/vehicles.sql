{#- What vehicles are followed by. In a window `in_order` of the observations of one id: -#}

{#- whether it is seen in the poll beside this one, or but for one missed poll, within half a day, -#}
{% macro is_seen_again(beside) -%}
    abs({{ beside }}(moment_number) over in_order - moment_number) <= 1 + {{ var('missed_polls') }}
    and abs(epoch_us({{ beside }}(observed_at) over in_order) - epoch_us(observed_at))
    <= cast({{ var('gap_limit_s') }} as bigint) * 1000000
{%- endmacro %}


{#- and whether it is there within 30 m; where no place is told, at the same station. -#}
{% macro is_same_place(beside) -%}
    coalesce(
        {{ metres_between('lat', 'lon', beside ~ '(lat) over in_order', beside ~ '(lon) over in_order') }}
        <= {{ var('jitter_m') }},
        station_id = {{ beside }}(station_id) over in_order,
        true
    )
{%- endmacro %}


{#-
    Which stays a build makes anew: those that reach the first day that silver computed anew, and
    all after it. Where the archive ended, it goes on now: a stay that was still there, too.
-#}
{% macro touched_stays(since, stays) -%}
    select
        states.system_id,
        least(
            cast(min(states.observed_on) as timestamp)
            {%- if stays %},
            (
                select min(stays.last_seen_at) from {{ stays }} as stays
                where stays.system_id = states.system_id and stays.ended_by = 'still_there'
            )
            {%- endif %}
        ) as first_at
    from {{ ref('int_vehicles__states_placed') }} as states
    where states.built_at > {{ since }}
    group by states.system_id
{%- endmacro %}


{#- Given `touched`: the stays that reach into it, by vehicle, and when the first began. -#}
{% macro stay_cuts(stays) -%}
    select
        stays.system_id,
        stays.vehicle_id,
        min(stays.first_seen_at) as first_seen_at
    from {{ stays }} as stays
    inner join touched on stays.system_id = touched.system_id
    where stays.last_seen_at >= touched.first_at - to_seconds({{ var('gap_limit_s') }})
    group by stays.system_id, stays.vehicle_id
{%- endmacro %}


{#- After an incremental build of the stays: those go that it made anew, or that are none now. -#}
{% macro forget_remade_stays() -%}
    {%- if is_incremental() -%}
        {%- set before = "(select * from " ~ this ~ " where built_at < " ~ built_at() ~ ")" -%}
        delete from {{ this }}
        where built_at < {{ built_at() }} and stay_id in (
            with touched as (
                {{ touched_stays(
                    "coalesce((select max(built_at) from " ~ before ~ "), timestamp '1970-01-01')",
                    before
                ) }}
            ),

            cuts as (
                {{ stay_cuts(before) }}
            )

            select stays.stay_id
            from {{ before }} as stays
            inner join touched on stays.system_id = touched.system_id
            left join cuts
                on stays.system_id = cuts.system_id and stays.vehicle_id = cuts.vehicle_id
            where stays.first_seen_at >= least(cuts.first_seen_at, touched.first_at)
        )
    {%- endif -%}
{%- endmacro %}


{#- Of the states of a stay the value of the first, and of the last; null where that has none. -#}
{% macro at_first(column) -%}
    arg_min_null({{ column }}, first_observed_at)
{%- endmacro %}

{% macro at_last(column) -%}
    arg_max_null({{ column }}, first_observed_at)
{%- endmacro %}


{#-
    The vehicles of a station's state as a list of types with their counts. What is not told by type
    has none; where nothing can be rented, nothing is available.
-#}
{% macro vehicles_by_type() -%}
    {%- set served -%}
        coalesce(from_json(
            station_states.vehicle_types_available, '[{"vehicle_type_id": "VARCHAR", "count": "BIGINT"}]'
        ), [])
    {%- endset -%}
    {%- set is_open = "station_states.state <> 'out_of_service'" -%}
    list_append(
        list_transform({{ served }}, lambda item: struct_pack(
            vehicle_type_id := item.vehicle_type_id,
            available := case when {{ is_open }} then greatest(coalesce(item.count, 0), 0) else 0 end,
            disabled := case when {{ is_open }} then 0 else greatest(coalesce(item.count, 0), 0) end
        )),
        struct_pack(
            vehicle_type_id := null,
            available := case when {{ is_open }} then {{ _untyped(served) }} else 0 end,
            disabled := case when {{ is_open }} then 0 else {{ _untyped(served) }} end
            + greatest(coalesce(station_states.vehicles_disabled, 0), 0)
        )
    )
{%- endmacro %}

{% macro _untyped(served) -%}
    greatest(
        station_states.vehicles_available - coalesce(list_sum(
            list_transform({{ served }}, lambda item: greatest(coalesce(item.count, 0), 0))
        ), 0),
        0
    )
{%- endmacro %}
