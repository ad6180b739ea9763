{{ config(materialized='view') }}

{%- set lists -%}
    {
        "stations": ["JSON"], "vehicles": ["JSON"], "bikes": ["JSON"], "vehicle_types": ["JSON"],
        "plans": ["JSON"], "regions": ["JSON"], "alerts": ["JSON"], "rental_hours": ["JSON"],
        "calendars": ["JSON"], "versions": ["JSON"], "datasets": ["JSON"], "feeds": ["JSON"],
        "geofencing_zones": {"features": ["JSON"]}, "global_rules": ["JSON"]
    }
{%- endset %}

-- Nothing is kept of this: whoever asks pays for parsing the bodies of the fetches asked for.
with raw_documents as (
    select
        fetch_id,
        system_id,
        feed,
        fetched_at,
        landed_on,
        case when json_valid(body) then body end as body
    from {{ source('raw', 'gbfs_fetch') }}
),

read as (
    select
        * exclude (body),
        from_json(body, '{"data": {{ lists }}}').data as lists,
        case
            when feed = 'system_information' then [json_extract(body, '$.data')]
            when feed = 'gbfs' then json_extract(body, '$.data.*.feeds[*]')
            else []
        end as items_elsewhere
    from raw_documents
),

joined as (
    select
        * exclude (lists),
        flatten(
            [
                items_elsewhere,
                lists.stations,
                coalesce(nullif(lists.vehicles, []), lists.bikes),
                lists.vehicle_types,
                lists.plans,
                lists.regions,
                lists.alerts,
                lists.rental_hours,
                lists.calendars,
                lists.versions,
                lists.datasets,
                lists.feeds,
                lists.geofencing_zones.features,
                lists.global_rules
            ]
        ) as items
    from read
),

final as (
    select
        fetch_id,
        cast(generate_subscripts(items, 1) as integer) as list_position,
        system_id,
        feed,
        unnest(items) as item,
        cast(fetched_at at time zone 'UTC' as timestamp) as fetched_at,
        landed_on
    from joined
)

select * from final
