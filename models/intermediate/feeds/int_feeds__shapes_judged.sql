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
    select * from {{ ref('gbfs_required_fields') }}
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

detected as (
    select
        *,
        case
            when
                feed = 'station_status'
                and {{ shape_type('item_shape', "'last_reported'") }} = 'string'
                then '3'
            when
                feed = 'station_status'
                and {{ shape_type('item_shape', "'is_installed'") }} = 'boolean'
                then '2'
            when
                feed = 'station_status'
                and {{ shape_type('item_shape', "'is_installed'") }} = 'number'
                then '1'
            when
                feed = 'station_information'
                and {{ shape_type('item_shape', "'name'") }} = 'array'
                then '3'
        end as major_version_detected
    from shapes
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
