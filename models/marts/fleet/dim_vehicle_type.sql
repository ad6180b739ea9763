-- Type 2, from the contents of `vehicle_types`.
with versions as (
    {{ item_versions(
        'vehicle_types',
        ref('stg_gbfs__vehicle_type'),
        'vehicle_type_id',
        [
            'default_pricing_plan_id', 'name', 'form_factor', 'propulsion_type',
            'make', 'model', 'return_constraint', 'max_range_m', 'rider_capacity',
            'wheel_count', 'max_permitted_speed_kmh', 'co2_g_per_km'
        ]
    ) }}
),

items as (
    select * from {{ ref('stg_gbfs__vehicle_type') }}
),

final as (
    select
        {{ surrogate_key([
            'versions.system_id', 'versions.vehicle_type_id', 'versions.valid_from'
        ]) }} as vehicle_type_version_sk,
        {{ surrogate_key(['versions.system_id', 'versions.vehicle_type_id']) }} as vehicle_type_sk,
        versions.system_id,
        versions.vehicle_type_id,
        items.default_pricing_plan_id,
        versions.version_number,
        items.name as vehicle_type_name,
        items.form_factor,
        items.propulsion_type,
        items.make,
        items.model,
        items.return_constraint,
        items.max_range_m,
        items.rider_capacity,
        items.wheel_count,
        items.max_permitted_speed_kmh,
        items.co2_g_per_km,
        versions.is_listed,
        versions.is_current,
        versions.valid_from,
        versions.valid_to
    from versions
    inner join items
        on
            versions.content_id = items.content_id
            and versions.list_position = items.list_position
)

select * from final
