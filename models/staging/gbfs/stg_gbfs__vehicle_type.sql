{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('vehicle_types', 'vehicle_types') }}
),

read as (
    select
        *,
        from_json(
            item,
            '{
                "vehicle_type_id": "VARCHAR", "form_factor": "VARCHAR",
                "propulsion_type": "VARCHAR", "name": "JSON", "make": "JSON",
                "model": "JSON", "description": "JSON", "color": "VARCHAR",
                "max_range_meters": "VARCHAR", "rider_capacity": "VARCHAR",
                "wheel_count": "VARCHAR", "min_age": "VARCHAR",
                "rated_power": "VARCHAR", "cargo_volume_capacity": "VARCHAR",
                "cargo_load_capacity": "VARCHAR", "g_CO2_km": "VARCHAR",
                "max_permitted_speed": "VARCHAR", "default_reserve_time": "VARCHAR",
                "return_constraint": "VARCHAR", "vehicle_image": "VARCHAR",
                "vehicle_assets": "JSON", "vehicle_accessories": "JSON",
                "eco_label": "JSON", "eco_labels": "JSON",
                "default_pricing_plan_id": "VARCHAR", "pricing_plan_ids": "JSON"
            }'
        ) as served
    from served_items
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        served.vehicle_type_id as vehicle_type_id,
        served.default_pricing_plan_id as default_pricing_plan_id,
        served.pricing_plan_ids as pricing_plan_ids,
        served.form_factor as form_factor,
        served.propulsion_type as propulsion_type,
        {{ gbfs_text('served.name') }} as name,
        {{ gbfs_text('served.make') }} as make,
        {{ gbfs_text('served.model') }} as model,
        {{ gbfs_text('served.description') }} as description,
        served.color as color,
        served.return_constraint as return_constraint,
        served.vehicle_image as vehicle_image,
        served.vehicle_assets as vehicle_assets,
        served.vehicle_accessories as vehicle_accessories,
        coalesce(served.eco_labels, served.eco_label) as eco_labels,
        {{ finite('try_cast(served.max_range_meters as double)') }} as max_range_m,
        try_cast(served.rider_capacity as integer) as rider_capacity,
        try_cast(served.wheel_count as integer) as wheel_count,
        try_cast(served.min_age as integer) as min_age_years,
        {{ finite('try_cast(served.cargo_volume_capacity as double)') }} as cargo_volume_capacity_l,
        {{ finite('try_cast(served.cargo_load_capacity as double)') }} as cargo_load_capacity_kg,
        {{ finite('try_cast(served.g_co2_km as double)') }} as co2_g_per_km,
        {{ finite('try_cast(served.max_permitted_speed as double)') }} as max_permitted_speed_kmh,
        {{ finite('try_cast(served.rated_power as double)') }} as rated_power_w,
        {{ finite('try_cast(served.default_reserve_time as double)') }} as default_reserve_minutes,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
