with raw_files as (
    select * from {{ source('trips', 'trip_file') }}
),

final as (
    select
        file_id,
        system_id,
        file as file_name,
        origin,
        sha256,
        family,
        header,
        undeclared as undeclared_columns,
        received,
        accepted,
        quarantined,
        cast(imported_at at time zone 'UTC' as timestamp) as imported_at
    from raw_files
)

select * from final
