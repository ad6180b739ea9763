-- Type 2, from the contents of `system_pricing_plans`.
with versions as (
    {{ item_versions(
        'system_pricing_plans',
        ref('stg_gbfs__pricing_plan'),
        'plan_id',
        [
            'name', 'description', 'currency', 'is_taxable', 'has_surge_pricing',
            'price', 'reservation_price', 'reservation_price_per_minute',
            'per_km_pricing', 'per_minute_pricing', 'fare_capping'
        ]
    ) }}
),

items as (
    select * from {{ ref('stg_gbfs__pricing_plan') }}
),

final as (
    select
        {{ surrogate_key(['versions.system_id', 'versions.plan_id', 'versions.valid_from']) }}
            as pricing_plan_version_sk,
        {{ surrogate_key(['versions.system_id', 'versions.plan_id']) }} as pricing_plan_sk,
        versions.system_id,
        versions.plan_id,
        versions.version_number,
        items.name as plan_name,
        items.description,
        items.currency,
        items.is_taxable,
        items.has_surge_pricing,
        items.price,
        items.reservation_price,
        items.reservation_price_per_minute,
        cast(items.per_km_pricing as varchar) as per_km_pricing,
        cast(items.per_minute_pricing as varchar) as per_minute_pricing,
        cast(items.fare_capping as varchar) as fare_capping,
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
