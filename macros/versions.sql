{#-
    The versions of what a slow feed lists, told by the columns that are compared. What the list said
    of an item counts where it was seen to hold for six hours, or is the first that it said; between
    two that count and say the same is no version. An item that is gone is a version too, described
    by the content in which it last stood.

    Gives system_id, the key, version_number, content_id and list_position (where the version is
    described), is_listed, is_current, valid_from, valid_to.
-#}
{% macro item_versions(feed, items, key, compared) -%}
    with runs as (
        select * from {{ ref('int_feeds__content_runs') }}
        where feed = '{{ feed }}'
    ),

    -- of an item that stands twice in a list the first counts
    numbered as (
        select
            *,
            row_number() over (partition by content_id, {{ key }} order by list_position)
                as copy_number
        from {{ items }}
        where {{ key }} is not null
    ),

    things as (
        select distinct
            system_id,
            {{ key }}
        from numbered
    ),

    seen as (
        select
            things.system_id,
            things.{{ key }},
            runs.run_number,
            runs.first_seen_at,
            runs.last_seen_at,
            numbered.content_id,
            numbered.list_position,
            numbered.content_id is not null as is_listed,
            {{ fingerprint(['numbered.content_id is not null'] + compared) }} as said
        from runs
        inner join things on runs.system_id = things.system_id
        left join numbered
            on
                runs.content_id = numbered.content_id
                and things.{{ key }} = numbered.{{ key }}
                and numbered.copy_number = 1
    ),

    compared as (
        select
            *,
            coalesce(
                lag(said) over (partition by system_id, {{ key }} order by run_number) <> said,
                is_listed
            ) as is_changed
        from seen
    ),

    -- an item is not absent before it was first listed
    placed as (
        select
            *,
            sum(case when is_changed then 1 else 0 end) over (
                partition by system_id, {{ key }}
                order by run_number
                rows between unbounded preceding and current row
            ) as stretch_number
        from compared
    ),

    stretches as (
        select
            system_id,
            {{ key }},
            stretch_number,
            said,
            is_listed,
            max(case when is_changed then content_id end) as content_id,
            max(case when is_changed then list_position end) as list_position,
            min(first_seen_at) as first_seen_at,
            max(last_seen_at) as last_seen_at
        from placed
        where stretch_number > 0
        group by system_id, {{ key }}, stretch_number, said, is_listed
    ),

    lasting as (
        select
            *,
            coalesce(
                lag(said) over (partition by system_id, {{ key }} order by stretch_number) <> said,
                true
            ) as is_new
        from stretches
        where
            stretch_number = 1
            or {{ seconds_between('first_seen_at', 'last_seen_at') }} >= {{ var('flap_limit_s') }}
    )

    select
        system_id,
        {{ key }},
        cast(row_number() over in_order as integer) as version_number,
        last_value(content_id ignore nulls) over until_then as content_id,
        last_value(list_position ignore nulls) over until_then as list_position,
        is_listed,
        lead(first_seen_at) over in_order is null as is_current,
        first_seen_at as valid_from,
        lead(first_seen_at) over in_order as valid_to
    from lasting
    where is_new
    window
        in_order as (partition by system_id, {{ key }} order by stretch_number),
        until_then as (
            partition by system_id, {{ key }}
            order by stretch_number
            rows between unbounded preceding and current row
        )
{%- endmacro %}
