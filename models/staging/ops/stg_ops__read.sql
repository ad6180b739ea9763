with raw_reads as (
    select * from {{ source('ops', 'ops_read') }}
),

final as (
    select
        read_id,
        system_id,
        table_name,
        rows_there,
        rows_gone,
        error,
        cast(read_at at time zone 'UTC' as timestamp) as read_at
    from raw_reads
)

select * from final
