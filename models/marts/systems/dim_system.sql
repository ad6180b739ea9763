with registrations as (
    select
        *,
        row_number() over (
            partition by system_id
            order by registered_at desc
        ) as recency
    from {{ ref('stg_gbfs__system_registration') }}
),

information as (
    select
        *,
        row_number() over (
            partition by system_id
            order by observed_at desc, fetch_id desc
        ) as recency
    from {{ ref('stg_gbfs__system_information') }}
),

final as (
    select
        registrations.system_id,
        information.name as system_name,
        information.operator,
        information.language,
        registrations.timezone,
        registrations.discovery_url,
        registrations.poll_interval_s,
        registrations.registered_at
    from registrations
    left join information
        on registrations.system_id = information.system_id and information.recency = 1
    where registrations.recency = 1
)

select * from final
