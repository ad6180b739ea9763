with raw_files as (
    select * from {{ source('raw', 'import_file') }}
),

final as (
    select
        import_id,
        scope,
        file as file_name,
        received,
        accepted,
        known,
        quarantined,
        cast(started_at at time zone 'UTC' as timestamp) as started_at
    from raw_files
)

select * from final
