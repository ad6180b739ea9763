-- Type 2: a row per version of a station. A version begins with a change that lasted; what came
-- and went within six hours is none. A station that reports its status but stands in no station
-- list is kept, as an inferred member; one that was closed is known by what it was.
with changes as (
    select
        *,
        max(case when is_listed then last_seen_at end) over (partition by system_id, station_id)
            as last_listed_at,
        count(case when change_reason = 'flap' then 1 end) over (
            partition by system_id, station_id
            order by stretch_number
            rows between current row and unbounded following
        ) as flaps_from_here
    from {{ ref('int_stations__listing_changes') }}
),

reporting as (
    select
        system_id,
        station_id,
        min(first_observed_at) as first_reported_at,
        max(last_observed_at) as last_reported_at
    from {{ ref('int_stations__days') }}
    group by system_id, station_id
),

versions as (
    select
        *,
        row_number() over in_order as version_number,
        lead(first_seen_at) over in_order as next_seen_at,
        flaps_from_here - coalesce(lead(flaps_from_here) over in_order, 0) as flaps
    from changes
    where change_reason not in ('flap', 'pending', 'none', 'jitter')
    window in_order as (partition by system_id, station_id order by stretch_number)
),

described as (
    select
        *
        replace (
            case when is_listed then short_name else lag(short_name) over in_order end
                as short_name,
            case when is_listed then region_id else lag(region_id) over in_order end
                as region_id,
            case when is_listed then address else lag(address) over in_order end as address,
            case when is_listed then post_code else lag(post_code) over in_order end
                as post_code,
            case when is_listed then is_virtual else lag(is_virtual) over in_order end
                as is_virtual,
            case when is_listed then lat else lag(lat) over in_order end as lat,
            case when is_listed then lon else lag(lon) over in_order end as lon,
            case when is_listed then capacity else lag(capacity) over in_order end as capacity
        ),
        case when is_listed then name else lag(name) over in_order end as station_name
    from versions
    window in_order as (partition by system_id, station_id order by version_number)
),

final as (
    select
        {{ surrogate_key(['system_id', 'station_id', 'described.first_seen_at']) }}
            as station_version_sk,
        {{ surrogate_key(['system_id', 'station_id']) }} as station_sk,
        system_id,
        station_id,
        cast(coalesce(described.version_number, 1) as integer) as version_number,
        coalesce(described.change_reason, 'inferred') as change_reason,
        described.short_name,
        described.station_name,
        described.region_id,
        described.address,
        described.post_code,
        coalesce(described.is_virtual, false) as is_virtual,
        described.change_reason is null as is_inferred,
        coalesce(described.is_listed, false) as is_listed,
        described.next_seen_at is null as is_current,
        described.lat,
        described.lon,
        described.capacity,
        cast(case when described.change_reason = 'move' then described.moved_m end as double)
            as moved_m,
        cast(coalesce(described.flaps, 0) as integer) as flaps,
        -- a station that was seen before it was listed was there
        case
            when coalesce(described.version_number, 1) = 1
                then least(described.first_seen_at, reporting.first_reported_at)
            else described.first_seen_at
        end as valid_from,
        described.next_seen_at as valid_to,
        described.last_listed_at,
        reporting.first_reported_at,
        reporting.last_reported_at
    from described
    full outer join reporting using (system_id, station_id)
)

select * from final
