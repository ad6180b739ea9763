{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('system_pricing_plans', 'plans') }}
),

read as (
    select
        *,
        from_json(
            item,
            '{
                "plan_id": "VARCHAR", "name": "JSON", "description": "JSON",
                "url": "VARCHAR", "currency": "VARCHAR", "price": "VARCHAR",
                "is_taxable": "VARCHAR", "surge_pricing": "VARCHAR",
                "per_km_pricing": "JSON", "per_min_pricing": "JSON",
                "fare_capping": "JSON", "reservation_price_per_min": "VARCHAR",
                "reservation_price_flat_rate": "VARCHAR"
            }'
        ) as served
    from served_items
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        served.plan_id as plan_id,
        {{ gbfs_text('served.name') }} as name,
        {{ gbfs_text('served.description') }} as description,
        served.url as url,
        served.currency as currency,
        {{ gbfs_boolean('served.is_taxable') }} as is_taxable,
        {{ gbfs_boolean('served.surge_pricing') }} as has_surge_pricing,
        {{ finite('try_cast(served.price as double)') }} as price,
        {{ finite('try_cast(served.reservation_price_per_min as double)') }}
            as reservation_price_per_minute,
        {{ finite('try_cast(served.reservation_price_flat_rate as double)') }}
            as reservation_price,
        served.per_km_pricing as per_km_pricing,
        served.per_min_pricing as per_minute_pricing,
        served.fare_capping as fare_capping,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
