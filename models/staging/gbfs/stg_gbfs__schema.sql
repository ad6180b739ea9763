with raw_schemas as (
    select
        *,
        row_number() over (
            partition by version, feed
            order by added_at desc, sha256 asc
        ) as recency
    from {{ source('raw', 'gbfs_schema') }}
),

final as (
    select
        feed,
        version as schema_version,
        sha256 as schema_sha256,
        schema as schema_text,
        origin,
        recency = 1 as is_current,
        cast(added_at at time zone 'UTC' as timestamp) as added_at
    from raw_schemas
)

select * from final
