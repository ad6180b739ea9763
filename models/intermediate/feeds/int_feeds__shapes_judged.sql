-- A feed has few shapes over its life: judging these instead of every document costs nothing.
with shapes as (
    select distinct
        feed,
        version_declared,
        item_shape
    from {{ ref('stg_gbfs__fetch') }}
    where item_shape is not null
),

required_fields as (
    select * from {{ ref('gbfs_fields') }}
    where is_required
),

fields as (
    select
        shapes.feed,
        shapes.version_declared,
        shapes.item_shape,
        required_fields.field,
        required_fields.json_types,
        {{ shape_type('shapes.item_shape', 'required_fields.field') }} as json_type
    from shapes
    inner join required_fields
        on
            shapes.feed = required_fields.feed
            and coalesce(shapes.version_declared, '1.0') = required_fields.version
),

breaches as (
    select
        feed,
        version_declared,
        item_shape,
        string_agg(
            field || ' is ' || coalesce(json_type, 'missing') || ', not ' || json_types,
            '; ' order by field
        ) as schema_breach
    from fields
    where
        json_type is null
        or not contains(' or ' || json_types || ' or ', ' or ' || json_type || ' or ')
    group by feed, version_declared, item_shape
),

-- the members by which the major versions differ; an index has an item, `data.feeds`, since 3.0
telling as (
    select
        *,
        feed in ('free_bike_status', 'vehicle_status') as is_vehicles,
        {{ shape_type('item_shape', "'name'") }} as name_type,
        {{ shape_type('item_shape', "'summary'") }} as summary_type,
        {{ shape_type('item_shape', "'last_reported'") }} as last_reported_type,
        {{ shape_type('item_shape', "'is_installed'") }} as is_installed_type,
        {{ shape_type('item_shape', "'is_reserved'") }} as is_reserved_type,
        {{ shape_type('item_shape', "'is_taxable'") }} as is_taxable_type,
        {{ shape_type('item_shape', "'vehicle_id'") }} as vehicle_id_type,
        {{ shape_type('item_shape', "'vehicle_type_id'") }} as vehicle_type_id_type
    from shapes
),

detected as (
    select
        *,
        case
            when feed in ('gbfs', 'manifest', 'vehicle_availability') then '3'
            when feed = 'station_status' and last_reported_type = 'string' then '3'
            when feed = 'station_status' and is_installed_type = 'boolean' then '2'
            when feed = 'station_status' and is_installed_type = 'number' then '1'
            when is_vehicles and vehicle_id_type is not null then '3'
            when is_vehicles and is_reserved_type = 'number' then '1'
            when is_vehicles and vehicle_type_id_type is not null then '2'
            when coalesce(name_type, summary_type) = 'array' then '3'
            when feed in ('vehicle_types', 'geofencing_zones') and name_type = 'string' then '2'
            when feed = 'system_pricing_plans' and is_taxable_type = 'boolean' then '2'
            when feed = 'system_pricing_plans' and is_taxable_type = 'number' then '1'
        end as major_version_detected
    from telling
),

final as (
    select
        detected.feed,
        detected.version_declared,
        detected.item_shape,
        detected.major_version_detected,
        breaches.schema_breach
    from detected
    left join breaches
        on
            detected.feed = breaches.feed
            and detected.version_declared is not distinct from breaches.version_declared
            and detected.item_shape = breaches.item_shape
)

select * from final
