{{ config(materialized='incremental') }}

-- The body is a list of one, because after a join DuckDB gathers up to 2,048 rows, unless they hold
-- a list: read a row group at a time, as they are stored, bodies fit memory.
with documents as (
    select
        * exclude (body),
        [body] as bodies
    from {{ source('raw', 'gbfs_fetch') }}
),

-- from 3.0 on a document also has rules for everywhere: they follow the zones, without a geometry
raw_documents as (
    select
        system_id,
        {{ gbfs_content_id("json_extract(bodies[1], '$.data')") }} as content_id,
        from_json(
            bodies[1],
            '{"data": {"geofencing_zones": {"features": ["JSON"]}, "global_rules": ["JSON"]}}'
        ).data as listed
    from documents
    where {{ newly_served('geofencing_zones') }}
),

joined as (
    select
        content_id,
        system_id,
        coalesce(len(listed.geofencing_zones.features), 0) as zones,
        list_concat(listed.geofencing_zones.features, listed.global_rules) as items
    from raw_documents
),

unnested as (
    select
        content_id,
        system_id,
        zones,
        unnest(items) as item,
        generate_subscripts(items, 1) as list_position
    from joined
),

read as (
    select
        *,
        list_position <= zones as is_zone,
        from_json(
            item,
            '{"geometry": "JSON", "properties": {
                "name": "JSON", "start": "VARCHAR", "end": "VARCHAR", "rules": "JSON"
            }}'
        ) as served
    from unnested
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        case when is_zone then 'zone' else 'global_rule' end as zone_kind,
        {{ gbfs_text('served.properties.name') }} as name,
        case
            when is_zone and json_type(served.geometry) = 'OBJECT'
                then cast(served.geometry as varchar)
        end as geometry,
        case when is_zone then served.properties.rules else json_array(item) end as rules,
        {{ gbfs_timestamp('served.properties.start') }} as starts_at,
        {{ gbfs_timestamp('served.properties."end"') }} as ends_at,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
