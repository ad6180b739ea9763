{#- The items of a list of vehicle types, one a row: a type's id and its count times a sign. -#}
{% macro flow_types(list, sign) -%}
    unnest(list_transform(
        from_json({{ list }}, '[{"vehicle_type_id": "VARCHAR", "count": "BIGINT"}]'),
        lambda item: struct_pack(
            vehicle_type_id := item.vehicle_type_id, count := {{ sign }} * item.count
        )
    ))
{%- endmacro %}


{#-
    The logarithm of the odds that so many vehicles, within so many seconds, are a truck's load and
    not riders', of whom `expected` are due. Riders: a geometric distribution, whose tail is heavier
    than Poisson's, for riders come in groups and off trains. A truck: one visit a day and
    direction, any load up to its size being as likely.
-#}
{% macro move_log_odds(vehicles, expected, seconds) -%}
    ln({{ seconds }} * {{ var('moves_per_day') }} / 86400.0) - ln({{ var('truck_vehicles') }})
    + ln(1 + {{ expected }}) - {{ vehicles }} * ln({{ expected }} / (1 + {{ expected }}))
{%- endmacro %}


{#- The quarter of an hour, UTC, that a moment falls into: when it began. -#}
{% macro quarter_of(moment) -%}
    make_timestamp(epoch_us({{ moment }}) // 900000000 * 900000000)
{%- endmacro %}


{#-
    Rows of `relation` from `from_at` to `to_at`, cut at the quarters of an hour: a row for each,
    with the quarter's start, how much of the row lies in it and how much before it.
-#}
{% macro cut_into_quarters(relation) -%}
    select
        *,
        make_timestamp(quarter * 900000000) as starts_at,
        epoch_us(to_at) - epoch_us(from_at) as row_us,
        greatest(quarter * 900000000, epoch_us(from_at)) - epoch_us(from_at) as before_us,
        least((quarter + 1) * 900000000, epoch_us(to_at))
        - greatest(quarter * 900000000, epoch_us(from_at)) as piece_us
    from (
        select
            *,
            unnest(range(
                epoch_us(from_at) // 900000000,
                greatest(epoch_us(to_at) - 1, epoch_us(from_at)) // 900000000 + 1
            )) as quarter
        from {{ relation }}
    ) as numbered
{%- endmacro %}


{#- The share of a count that falls into a piece of its row, in millionths; the shares add up. -#}
{% macro share_of_piece(number) -%}
    cast(
        coalesce(
            round(1e6 * {{ number }} * (before_us + piece_us) / nullif(row_us, 0))
            - round(1e6 * {{ number }} * before_us / nullif(row_us, 0)),
            0
        ) as bigint
    )
{%- endmacro %}


{#- The sum of a column of counts that can be fractions, in millionths: whatever their order. -#}
{% macro sum_of_counts(column) -%}
    sum(cast(round(({{ column }}) * 1e6) as bigint)) / 1e6
{%- endmacro %}


{#- The stretch of time, as long as a move may take, that a moment falls into. -#}
{% macro move_bucket(moment) -%}
    epoch_us({{ moment }}) // (cast({{ var('move_minutes') }} as bigint) * 60000000)
{%- endmacro %}
