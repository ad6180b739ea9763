-- What the catalogue said of each system, and from when on: only what changes it begins a row. A
-- version of the catalogue says of every system that it does not list that it is gone. Of two
-- entries for one system at one time the later line counts, and one that stays over one that goes.
with entries as (
    select
        *,
        row_number() over (
            partition by system_id, as_of
            order by kind = 'delete', list_position desc nulls last, entry_id asc
        ) as place
    from {{ ref('stg_catalogue__entry') }}
),

lists as (
    select distinct as_of as listed_at from entries
    where kind = 'list'
),

-- the next version of the catalogue after a time
list_spans as (
    select
        lag(listed_at, 1, timestamp '1900-01-01') over (order by listed_at) as from_at,
        listed_at as next_listed_at
    from lists
),

said as (
    select
        entries.entry_id,
        entries.system_id,
        entries.kind <> 'delete' as is_listed,
        entries.as_of,
        lead(entries.as_of) over (partition by entries.system_id order by entries.as_of)
            as next_said_at,
        list_spans.next_listed_at
    from entries
    left join list_spans
        on entries.as_of >= list_spans.from_at and entries.as_of < list_spans.next_listed_at
    where entries.place = 1
),

stated as (
    select
        system_id,
        is_listed,
        as_of,
        case when is_listed then entry_id end as entry_id
    from said
    union all
    select
        system_id,
        false as is_listed,
        next_listed_at as as_of,
        cast(null as varchar) as entry_id
    from said
    where
        is_listed
        and next_listed_at is not null
        and coalesce(next_said_at > next_listed_at, true)
),

-- what is gone is described as it was
described as (
    select
        stated.system_id,
        stated.is_listed,
        stated.as_of,
        last_value(stated.entry_id ignore nulls) over (
            partition by stated.system_id
            order by stated.as_of
            rows between unbounded preceding and current row
        ) as entry_id
    from stated
),

attributed as (
    select
        described.*,
        entries.country_code,
        entries.system_name,
        entries.location_name,
        entries.website_url,
        entries.discovery_url,
        entries.versions_supported,
        entries.auth_type,
        {{ fingerprint([
            'described.is_listed', 'entries.country_code', 'entries.system_name',
            'entries.location_name', 'entries.website_url', 'entries.discovery_url',
            'entries.versions_supported', 'entries.auth_type'
        ]) }} as said
    from described
    inner join entries on described.entry_id = entries.entry_id
),

compared as (
    select
        *,
        coalesce(lag(said) over (partition by system_id order by as_of) <> said, true)
            as is_changed
    from attributed
),

final as (
    select
        system_id,
        is_listed,
        country_code,
        system_name,
        location_name,
        website_url,
        discovery_url,
        versions_supported,
        auth_type,
        as_of
    from compared
    where is_changed
)

select * from final
