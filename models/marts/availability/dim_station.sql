-- A station that reports its status but stands in no station list is kept, as an inferred member.
with information as (
    select
        *,
        row_number() over (
            partition by system_id, station_id
            order by observed_at desc, fetch_id desc, list_position asc
        ) as recency,
        min(observed_at) over (partition by system_id, station_id) as first_listed_at
    from {{ ref('stg_gbfs__station_information') }}
    where station_id is not null
),

listed as (
    select * from information
    where recency = 1
),

reporting as (
    select
        system_id,
        station_id,
        min(first_observed_at) as first_reported_at,
        max(last_observed_at) as last_reported_at
    from {{ ref('int_stations__state_intervals') }}
    group by system_id, station_id
),

final as (
    select
        {{ surrogate_key(['system_id', 'station_id']) }} as station_sk,
        system_id,
        station_id,
        listed.short_name,
        listed.name as station_name,
        listed.region_id,
        listed.address,
        listed.post_code,
        coalesce(listed.is_virtual, false) as is_virtual,
        listed.fetch_id is null as is_inferred,
        listed.lat,
        listed.lon,
        listed.capacity,
        listed.first_listed_at,
        listed.observed_at as last_listed_at,
        reporting.first_reported_at,
        reporting.last_reported_at
    from listed
    full outer join reporting using (system_id, station_id)
)

select * from final
