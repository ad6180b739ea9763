with raw_zones as (
    select * from {{ source('zones', 'zone') }}
),

final as (
    select
        import_id,
        position as list_position,
        system_id,
        file as file_name,
        kind,
        name,
        polygons,
        cast(valid_from at time zone 'UTC' as timestamp) as valid_from,
        cast(valid_to at time zone 'UTC' as timestamp) as valid_to,
        cast(imported_at at time zone 'UTC' as timestamp) as imported_at
    from raw_zones
)

select * from final
