with raw_registrations as (
    select * from {{ source('raw', 'system_registration') }}
),

final as (
    select
        system_id,
        url as discovery_url,
        timezone,
        poll_interval_s,
        cast(registered_at at time zone 'UTC' as timestamp) as registered_at
    from raw_registrations
)

select * from final
