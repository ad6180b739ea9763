-- One row per rule about the station list, station (or list) and UTC day. Made anew by every
-- build, from the few contents that a list has in its life.
with items as (
    select
        *,
        count(*) over (partition by content_id, station_id) as copies,
        case
            when station_id similar to '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'
                then 'UUID'
            when station_id similar to '[0-9]+' then 'number'
            else 'text'
        end as id_format
    from {{ ref('stg_gbfs__station_information') }}
    where station_id is not null
),

centres as (
    select
        content_id,
        median(lat) as middle_lat,
        median(lon) as middle_lon,
        mode(id_format) as id_format
    from items
    group by content_id
),

placed as (
    select
        items.*,
        {{ metres_between(
            'items.lat', 'items.lon', 'centres.middle_lat', 'centres.middle_lon'
        ) }} as off_centre_m
    from items
    inner join centres on items.content_id = centres.content_id
),

breaches as (
    select
        'R9' as rule_id,
        content_id,
        station_id,
        copies || ' items with this id in one list' as evidence
    from items
    where copies > 1
    union
    select
        'R10' as rule_id,
        content_id,
        station_id,
        'at ' || coalesce(cast(lat as varchar), '?') || ', ' || coalesce(cast(lon as varchar), '?')
            as evidence
    from placed
    where
        (abs(lat) < 0.01 and abs(lon) < 0.01)
        or coalesce(abs(lat) > 90 or abs(lon) > 180, true)
        or off_centre_m > {{ var('area_limit_m') }}
    union
    select
        'R12' as rule_id,
        content_id,
        station_id,
        'capacity ' || capacity as evidence
    from items
    where capacity <= 0 and not coalesce(is_virtual, false)
),

content_days as (
    select * from {{ ref('int_feeds__content_days') }}
    where feed = 'station_information'
),

polls as (
    select
        system_id,
        fetched_on,
        sum(polls) as polls
    from content_days
    group by system_id, fetched_on
),

served as (
    select
        breaches.rule_id,
        content_days.system_id,
        'station' as object_kind,
        breaches.station_id as object_id,
        content_days.fetched_on,
        sum(content_days.polls) as occurrences,
        min(content_days.first_fetch_id) as fetch_id,
        arg_min(breaches.evidence, content_days.first_fetch_id) as evidence,
        min(content_days.first_seen_at) as first_found_at,
        max(content_days.last_seen_at) as last_found_at
    from breaches
    inner join content_days on breaches.content_id = content_days.content_id
    group by
        breaches.rule_id, content_days.system_id, breaches.station_id, content_days.fetched_on
),

moves as (
    select
        'R11' as rule_id,
        system_id,
        'station' as object_kind,
        station_id as object_id,
        first_seen_at,
        'moved by ' || cast(round(moved_m) as bigint) || ' m under the same id' as evidence
    from {{ ref('int_stations__listing_changes') }}
    where change_reason = 'move' and moved_m > {{ var('new_site_m') }}
),

runs as (
    select
        runs.*,
        centres.id_format,
        lag(centres.id_format) over in_order as previous_id_format
    from {{ ref('int_feeds__content_runs') }} as runs
    inner join centres on runs.content_id = centres.content_id
    where runs.feed = 'station_information'
    window in_order as (partition by runs.system_id order by runs.run_number)
),

formats as (
    select
        'R14' as rule_id,
        system_id,
        'feed' as object_kind,
        'station_information' as object_id,
        first_seen_at,
        'ids were ' || previous_id_format || ', now ' || id_format as evidence
    from runs
    where previous_id_format <> id_format
),

listed as (
    select
        content_id,
        count(distinct station_id) as stations
    from items
    group by content_id
),

-- stations that come or go between two lists
turnover as (
    select
        runs.system_id,
        runs.first_seen_at,
        count(*) as stations_changed
    from runs
    inner join {{ ref('int_stations__listings') }} as listings
        on
            runs.system_id = listings.system_id
            and runs.first_seen_at = listings.first_seen_at
    where
        runs.run_number > 1
        and listings.is_flip
    group by runs.system_id, runs.first_seen_at
),

sized as (
    select
        runs.system_id,
        runs.first_seen_at,
        greatest(listed.stations, lag(listed.stations) over in_order) as stations
    from runs
    inner join listed on runs.content_id = listed.content_id
    window in_order as (partition by runs.system_id order by runs.run_number)
),

churns as (
    select
        'R13' as rule_id,
        turnover.system_id,
        'feed' as object_kind,
        'station_information' as object_id,
        turnover.first_seen_at,
        turnover.stations_changed || ' of ' || sized.stations
        || ' stations came or went between two polls' as evidence
    from turnover
    inner join sized
        on
            turnover.system_id = sized.system_id
            and turnover.first_seen_at = sized.first_seen_at
    where turnover.stations_changed > {{ var('churn_share') }} * sized.stations
),

events as (
    select * from moves
    union all by name
    select * from formats
    union all by name
    select * from churns
),

fetches as (
    select
        system_id,
        fetched_at,
        min(fetch_id) as fetch_id
    from {{ ref('int_feeds__fetches_judged') }}
    where feed = 'station_information' and is_usable
    group by system_id, fetched_at
),

happened as (
    select
        events.rule_id,
        events.system_id,
        events.object_kind,
        events.object_id,
        cast(events.first_seen_at as date) as fetched_on,
        count(*) as occurrences,
        min(fetches.fetch_id) as fetch_id,
        arg_min(events.evidence, events.first_seen_at) as evidence,
        min(events.first_seen_at) as first_found_at,
        max(events.first_seen_at) as last_found_at
    from events
    inner join fetches
        on
            events.system_id = fetches.system_id
            and events.first_seen_at = fetches.fetched_at
    group by all
),

united as (
    select * from served
    union all by name
    select * from happened
),

final as (
    select
        united.rule_id,
        united.system_id,
        united.object_kind,
        united.object_id,
        united.fetched_on as found_on,
        cast(united.occurrences as bigint) as occurrences,
        cast(polls.polls as bigint) as polls,
        united.fetch_id,
        united.evidence,
        united.first_found_at,
        united.last_found_at
    from united
    inner join polls
        on united.system_id = polls.system_id and united.fetched_on = polls.fetched_on
)

select * from final
