{#-
    How likely it is that a vehicle that disappeared is the one that appeared elsewhere under
    another id. Decision 0035 tells where the numbers come from.

    The odds of a pair compare two stories. A ride: its distance, its duration given the distance,
    and the charge it took given the distance, each as a log-logistic distribution. And chance: an
    appearance that has nothing to do with a ride, anywhere in the area at any time of the day.
-#}

{#- Density and share below a value of a log-logistic distribution, by its median and steepness. -#}
{% macro log_logistic_density(value, median, steepness) -%}
    ({{ steepness }} / ({{ median }})) * power(({{ value }}) / ({{ median }}), {{ steepness }} - 1)
    / power(1 + power(({{ value }}) / ({{ median }}), {{ steepness }}), 2)
{%- endmacro %}

{% macro log_logistic_share(value, median, steepness) -%}
    case
        when {{ value }} > 0 then 1 / (1 + power(({{ median }}) / ({{ value }}), {{ steepness }}))
        else 0
    end
{%- endmacro %}


{#-
    The share of rides of that distance that arrive between the two polls at which the vehicle was
    not there yet and was there: it departed at some time between two polls, of which three stand
    for all.
-#}
{% macro arrival_share() -%}
    {%- set median -%}
        ({{ var('unlock_s') }} + greatest(rotated.distance_m, 30) / {{ var('ride_m_s') }})
    {%- endset -%}
    {%- set middle = '((rotated.shortest_s + rotated.longest_s) / 2)' -%}
    (
        {%- for part in ['-1.0', '0.0', '1.0'] %}
        {%- set centre = middle ~ ' + ' ~ part ~ ' * rotated.departed_within_s / 3' %}
        {{ log_logistic_share(centre ~ ' + rotated.arrived_within_s / 2', median, 4.0) }}
        - {{ log_logistic_share(centre ~ ' - rotated.arrived_within_s / 2', median, 4.0) }}
        {%- if not loop.last %} +{% endif %}
        {%- endfor %}
    ) / 3
{%- endmacro %}


{#-
    How much likelier the charge that is missing is on a ride of that distance than by chance, where
    it is told. One in ten says nothing: feeds tell the charge late. It does not grow on a ride.
-#}
{% macro charge_odds() -%}
    {%- set expected = '(' ~ var('detour') ~ ' * greatest(rotated.distance_m, 100))' -%}
    case
        when rotated.range_drop_m is null then 1.0
        when rotated.range_drop_m < -0.05 * scales.range_m then 0.001
        when rotated.range_drop_m <= 0 then 0.1
        else 0.1 + 0.9 * scales.range_m
            * {{ log_logistic_density('rotated.range_drop_m', expected, 4.0) }}
    end
{%- endmacro %}


{#- The odds of a pair against a disappearance that no appearance belongs to. -#}
{% macro pair_odds() -%}
    {{ var('ride_share') }} / (1 - {{ var('ride_share') }})
    * {{ log_logistic_density('greatest(rotated.distance_m, 30)', var('ride_m'), 2.0) }}
    / (2 * pi() * greatest(rotated.distance_m, 30))
    * greatest({{ arrival_share() }}, 0)
    * {{ charge_odds() }}
    / (
        (1 - {{ var('ride_share') }}) * scales.appearances / (86400.0 * scales.area_m2)
        * greatest(rotated.arrived_within_s, 1)
    )
{%- endmacro %}


{#-
    Belief propagation for one-to-one assignment (Williams and Lau, 2014), as a chain of CTEs that
    ends with `believed`: in each round a departure tells each arrival how far it claims it, given
    how free the others are, and an arrival tells back how free it is, given the claims of others.
    What is believed of all pairs of an end never comes to more than one. Whole millionths are summed,
    so that the order of the pairs does not matter.

    pairs: a CTE with `departure_number`, `arrival_number` and `odds`.
-#}
{% macro assignment(pairs, rounds) -%}
    freedom_0 as (
        select
            *,
            1.0 as freedom,
            0.0 as claim
        from {{ pairs }}
    ),
    {%- for round in range(1, rounds + 1) %}

    wanted_{{ round }} as (
        {{ _with_total('freedom_' ~ (round - 1), 'departure_number', 'odds * freedom') }}
    ),

    claims_{{ round }} as (
        select
            * exclude (claim, own, total),
            odds / (1 + (total - own) / 1000000.0) as claim
        from wanted_{{ round }}
    ),

    claimed_{{ round }} as (
        {{ _with_total('claims_' ~ round, 'arrival_number', 'claim') }}
    ),

    freedom_{{ round }} as (
        select
            * exclude (freedom, own, total),
            1 / (1 + (total - own) / 1000000.0) as freedom
        from claimed_{{ round }}
    ),
    {%- endfor %}

    wanted as (
        {{ _with_total('freedom_' ~ rounds, 'departure_number', 'odds * freedom') }}
    ),

    departing as (
        select
            * exclude (own, total),
            odds * freedom / (1 + total / 1000000.0) as departing
        from wanted
    ),

    claimed as (
        {{ _with_total('departing', 'arrival_number', 'claim') }}
    ),

    believed as (
        select
            * exclude (own, total, freedom, claim, departing),
            least(departing, claim / (1 + total / 1000000.0)) as probability
        from claimed
    )
{%- endmacro %}

{% macro _with_total(pairs, end, value) -%}
    select
        pairs.*,
        {{ millionths(value) }} as own,
        totals.total
    from {{ pairs }} as pairs
    inner join (
        select
            {{ end }},
            sum({{ millionths(value) }}) as total
        from {{ pairs }}
        group by {{ end }}
    ) as totals
        on pairs.{{ end }} = totals.{{ end }}
{%- endmacro %}


{% macro millionths(value) -%}
    cast(round(({{ value }}) * 1000000) as bigint)
{%- endmacro %}


{#-
    Of an id that is seen again: whether it was ridden meanwhile. What tells is how far it is away,
    or how much charge it took; a vehicle that came back charged was taken in.
-#}
{% macro persistent_probability() -%}
    {%- set ridden -%}
        greatest(distance_m, coalesce(range_drop_m, 0) / {{ var('detour') }}, 0.001)
    {%- endset -%}
    {{ log_logistic_share(ridden, var('trip_m'), 4.0) }}
    * case when range_drop_m < -{{ var('trip_m') }} then 0.05 else 1 end
{%- endmacro %}


{#- The number of the UTC hour that a time lies in, since 1970. -#}
{% macro hour_number(moment) -%}
    epoch_us({{ moment }}) // 3600000000
{%- endmacro %}


{#- After an incremental build of the trips: those go of days on which no pair is found any more. -#}
{% macro forget_days_without_trips() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where (system_id, departed_on) in (
            select
                system_id,
                departed_on
            from {{ ref('int_vehicles__trip_pairs') }}
            where probability is null
        )
    {%- endif -%}
{%- endmacro %}
