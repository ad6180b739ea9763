-- Type 2, from three histories: what the worldwide catalogue says, what the system's own feed says,
-- and how it is registered here. Whenever one of them says something else a version begins.
with catalogue as (
    select * from {{ ref('int_systems__catalogue_versions') }}
),

-- a feed that does not tell the system's name tells nothing of it
information as (
    select
        *,
        {{ fingerprint(['name', 'operator', 'language']) }} as said
    from {{ ref('stg_gbfs__system_information') }}
    where name is not null
),

information_compared as (
    select
        *,
        coalesce(
            lag(said) over (partition by system_id order by observed_at, fetch_id) <> said, true
        ) as is_changed
    from information
),

information_changes as (
    select
        system_id,
        observed_at,
        max(fetch_id) as fetch_id
    from information_compared
    where is_changed
    group by system_id, observed_at
),

first_seen as (
    select
        system_id,
        min(observed_at) as first_seen_at
    from information
    group by system_id
),

-- what was recorded before a system was registered is of a registered system
registrations as (
    select
        registrations.*,
        case
            when
                row_number() over (
                    partition by registrations.system_id order by registrations.registered_at
                ) = 1
                then least(registrations.registered_at, first_seen.first_seen_at)
            else registrations.registered_at
        end as registered_from
    from {{ ref('stg_gbfs__system_registration') }} as registrations
    left join first_seen on registrations.system_id = first_seen.system_id
),

changes as (
    select
        system_id,
        as_of as changed_at,
        as_of,
        cast(null as varchar) as fetch_id,
        cast(null as timestamp) as registered_at
    from catalogue
    union all
    select
        system_id,
        observed_at as changed_at,
        cast(null as timestamp) as as_of,
        fetch_id,
        cast(null as timestamp) as registered_at
    from information_changes
    union all
    select
        system_id,
        registered_from as changed_at,
        cast(null as timestamp) as as_of,
        cast(null as varchar) as fetch_id,
        registered_at
    from registrations
),

moments as (
    select
        system_id,
        changed_at,
        max(as_of) as as_of,
        max(fetch_id) as fetch_id,
        max(registered_at) as registered_at
    from changes
    group by system_id, changed_at
),

-- at each moment the last word of each of the three
standing as (
    select
        system_id,
        changed_at,
        last_value(as_of ignore nulls) over until_then as as_of,
        last_value(fetch_id ignore nulls) over until_then as fetch_id,
        last_value(registered_at ignore nulls) over until_then as registered_at
    from moments
    window until_then as (
        partition by system_id
        order by changed_at
        rows between unbounded preceding and current row
    )
),

described as (
    select
        standing.system_id,
        standing.changed_at as valid_from,
        coalesce(information.name, catalogue.system_name) as system_name,
        information.operator,
        information.language,
        catalogue.country_code,
        catalogue.location_name,
        catalogue.website_url,
        registrations.timezone,
        coalesce(registrations.discovery_url, catalogue.discovery_url) as discovery_url,
        catalogue.versions_supported,
        catalogue.auth_type,
        registrations.poll_interval_s,
        coalesce(catalogue.is_listed, false) as is_listed,
        standing.registered_at is not null as is_registered,
        standing.registered_at
    from standing
    left join catalogue
        on standing.system_id = catalogue.system_id and standing.as_of = catalogue.as_of
    left join information on standing.fetch_id = information.fetch_id
    left join registrations
        on
            standing.system_id = registrations.system_id
            and standing.registered_at = registrations.registered_at
),

compared as (
    select
        *,
        {{ fingerprint([
            'system_name', 'operator', 'language', 'country_code', 'location_name', 'website_url',
            'timezone', 'discovery_url', 'versions_supported', 'auth_type', 'poll_interval_s',
            'is_listed', 'registered_at'
        ]) }} as said
    from described
),

changed as (
    select
        *,
        coalesce(lag(said) over (partition by system_id order by valid_from) <> said, true)
            as is_changed
    from compared
),

final as (
    select
        {{ surrogate_key(['system_id', 'valid_from']) }} as system_version_sk,
        {{ surrogate_key(['system_id']) }} as system_sk,
        system_id,
        cast(row_number() over in_order as integer) as version_number,
        system_name,
        operator,
        language,
        country_code,
        location_name,
        website_url,
        timezone,
        discovery_url,
        versions_supported,
        auth_type,
        poll_interval_s,
        is_listed,
        is_registered,
        lead(valid_from) over in_order is null as is_current,
        valid_from,
        lead(valid_from) over in_order as valid_to,
        registered_at
    from changed
    where is_changed
    window in_order as (partition by system_id order by valid_from)
)

select * from final
