-- One row per station and stretch of time in which the station list said the same of it, its
-- absence being a stretch too. The raw log of changes: nothing is smoothed here.
with runs as (
    select * from {{ ref('int_feeds__content_runs') }}
    where feed = 'station_information'
),

-- of a station that stands twice in a list the first item counts
items as (
    select
        *,
        row_number() over (
            partition by content_id, station_id
            order by list_position
        ) as copy_number
    from {{ ref('stg_gbfs__station_information') }}
    where station_id is not null
),

stations as (
    select distinct
        system_id,
        station_id
    from items
),

seen as (
    select
        stations.system_id,
        stations.station_id,
        runs.run_number,
        runs.first_seen_at,
        runs.last_seen_at,
        runs.followed_at,
        items.content_id is not null as is_listed,
        items.short_name,
        items.name,
        items.region_id,
        items.address,
        items.post_code,
        items.is_virtual,
        items.lat,
        items.lon,
        items.capacity
    from runs
    inner join stations on runs.system_id = stations.system_id
    left join items
        on
            runs.content_id = items.content_id
            and stations.station_id = items.station_id
            and items.copy_number = 1
),

marked as (
    select
        *,
        {{ fingerprint([
            'is_listed', 'short_name', 'name', 'region_id', 'address', 'post_code', 'is_virtual',
            'lat', 'lon', 'capacity'
        ]) }} as fingerprint
    from seen
),

compared as (
    select
        *,
        coalesce(lag(fingerprint) over in_order <> fingerprint, true) as is_changed,
        coalesce(lead(fingerprint) over in_order <> fingerprint, true) as is_last
    from marked
    window in_order as (partition by system_id, station_id order by run_number)
),

paired as (
    select
        * exclude (last_seen_at, followed_at),
        case when is_last then last_seen_at else lead(last_seen_at) over in_order end
            as last_seen_at,
        case when is_last then followed_at else lead(followed_at) over in_order end
            as followed_at
    from compared
    where is_changed or is_last
    window in_order as (partition by system_id, station_id order by run_number)
),

numbered as (
    select
        * exclude (run_number, fingerprint, is_changed, is_last),
        is_listed <> coalesce(
            lag(is_listed) over (partition by system_id, station_id order by first_seen_at), false
        ) as is_flip,
        row_number() over (partition by system_id, station_id order by first_seen_at)
            as stretch_number
    from paired
    where is_changed
),

final as (
    select
        system_id,
        station_id,
        first_seen_at,
        is_listed,
        short_name,
        name,
        region_id,
        address,
        post_code,
        is_virtual,
        lat,
        lon,
        capacity,
        last_seen_at,
        followed_at,
        is_flip,
        stretch_number
    from numbered
    -- a station is not absent before it was first listed
    where is_listed or stretch_number > 1
)

select * from final
