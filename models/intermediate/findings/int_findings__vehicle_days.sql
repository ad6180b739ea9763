{{ config(materialized='incremental', unique_key=['system_id', 'found_on']) }}

-- One row per rule about vehicles, what broke it and UTC day. No vehicle is named: the vehicles of
-- a feed are counted. A day on which nothing was broken keeps a row without a rule.
-- Recomputed: the days on which vehicles, stations or zones were seen anew, and for zones the day
-- after, for what they said yesterday is what counts until they are asked for again.
with touched as (
    select
        system_id,
        observed_on
    from {{ ref('stg_gbfs__vehicle') }}
    where built_at > {{ seen_until() }}
    union
    select
        system_id,
        observed_on
    from {{ ref('int_stations__days') }}
    where built_at > {{ seen_until() }}
    union
    select
        fetches.system_id,
        cast(fetches.fetched_on + beside.distance as date) as observed_on
    from {{ ref('int_feeds__fetches_judged') }} as fetches
    cross join (values (0), (1)) as beside (distance)
    where fetches.feed = 'geofencing_zones' and fetches.built_at > {{ seen_until() }}
),

vehicles as (
    select vehicles.*
    from {{ ref('stg_gbfs__vehicle') }} as vehicles
    inner join touched
        on vehicles.system_id = touched.system_id and vehicles.observed_on = touched.observed_on
),

fetches as (
    select
        fetch_id,
        version_declared
    from {{ ref('stg_gbfs__fetch') }}
    where feed in ('free_bike_status', 'vehicle_status') and is_json
),

polls as (
    select
        system_id,
        feed,
        observed_on,
        count(distinct fetch_id) as polls
    from vehicles
    group by system_id, feed, observed_on
),

-- since 2.0 an id lives no longer than a stay
travelled as (
    select
        vehicles.system_id,
        vehicles.feed,
        vehicles.observed_on,
        vehicles.vehicle_id,
        {{ metres_between(
            'min(vehicles.lat)', 'min(vehicles.lon)', 'max(vehicles.lat)', 'max(vehicles.lon)'
        ) }} as spread_m,
        count(*) as sightings,
        min(vehicles.fetch_id) as fetch_id,
        min(vehicles.observed_at) as first_found_at,
        max(vehicles.observed_at) as last_found_at
    from vehicles
    inner join fetches on vehicles.fetch_id = fetches.fetch_id
    where fetches.version_declared >= '2'
    group by vehicles.system_id, vehicles.feed, vehicles.observed_on, vehicles.vehicle_id
),

r26_rotation as (
    select
        'R26' as rule_id,
        system_id,
        'feed' as object_kind,
        feed as object_id,
        feed,
        observed_on,
        max(sightings) as occurrences,
        count(*) || ' vehicles kept their id over a trip, one over '
        || cast(round(max(spread_m)) as bigint) || ' m' as evidence,
        min(fetch_id) as fetch_id,
        min(first_found_at) as first_found_at,
        max(last_found_at) as last_found_at
    from travelled
    where spread_m > {{ var('trip_m') }}
    group by system_id, feed, observed_on
),

at_stations as (
    select
        fetch_id,
        system_id,
        feed,
        observed_on,
        observed_at,
        station_id,
        count(*) as vehicles,
        count(*) filter (
            where not coalesce(is_disabled, false) and not coalesce(is_reserved, false)
        ) as rentable
    from vehicles
    where station_id is not null
    group by fetch_id, system_id, feed, observed_on, observed_at, station_id
),

r27_unavailable as (
    select
        'R27' as rule_id,
        at_stations.system_id,
        'station' as object_kind,
        at_stations.station_id as object_id,
        any_value(at_stations.feed) as feed,
        at_stations.observed_on,
        count(*) as occurrences,
        arg_min(
            states.vehicles_available || ' available, of ' || at_stations.vehicles
            || ' vehicles listed there ' || at_stations.rentable || ' can be rented',
            at_stations.fetch_id
        ) as evidence,
        min(at_stations.fetch_id) as fetch_id,
        min(at_stations.observed_at) as first_found_at,
        max(at_stations.observed_at) as last_found_at
    from at_stations
    inner join {{ ref('int_stations__state_intervals') }} as states
        on
            at_stations.system_id = states.system_id
            and at_stations.station_id = states.station_id
            and at_stations.observed_on = states.observed_on
            and at_stations.observed_at >= states.first_observed_at
            and at_stations.observed_at <= states.last_observed_at
    where
        at_stations.rentable < at_stations.vehicles
        and states.vehicles_available = at_stations.vehicles
    group by at_stations.system_id, at_stations.station_id, at_stations.observed_on
    having count(*) > 1
),

parked as (
    select
        system_id,
        feed,
        observed_on,
        round(lat, 5) as lat,
        round(lon, 5) as lon,
        count(distinct fetch_id) as sightings,
        count(distinct vehicle_id) as vehicles,
        min(fetch_id) as fetch_id,
        min(observed_at) as first_found_at,
        max(observed_at) as last_found_at
    from vehicles
    where not coalesce(is_reserved, false) and lat is not null and lon is not null
    group by all
),

zone_days as (
    select distinct
        fetches.system_id,
        fetches.content_id,
        cast(fetches.fetched_on + beside.distance as date) as observed_on
    from {{ ref('int_feeds__fetches_judged') }} as fetches
    cross join (values (0), (1)) as beside (distance)
    where fetches.feed = 'geofencing_zones' and fetches.is_usable
),

zones as (
    select
        content_id,
        list_position,
        {{ gbfs_boolean(
            "coalesce(json_extract_string(rules, '$[0].ride_end_allowed'),"
            ~ " json_extract_string(rules, '$[0].ride_allowed'), 'true')"
        ) }} as is_end_allowed,
        {{ gbfs_polygons('geometry') }} as polygons
    from {{ ref('stg_gbfs__geofencing_zone') }}
    where geometry is not null
),

rings as (
    select
        content_id,
        list_position,
        unnest(flatten(polygons)) as ring
    from zones
),

corners as (
    select
        *,
        unnest(range(1, len(ring))) as corner
    from rings
),

edges as (
    select
        content_id,
        list_position,
        ring[corner][1] as from_lon,
        ring[corner][2] as from_lat,
        ring[corner + 1][1] as to_lon,
        ring[corner + 1][2] as to_lat
    from corners
),

-- a place is inside where a ray from it crosses the zone's border an odd number of times
inside as (
    select
        parked.system_id,
        parked.observed_on,
        parked.lat,
        parked.lon,
        edges.content_id,
        edges.list_position
    from parked
    inner join zone_days
        on
            parked.system_id = zone_days.system_id
            and parked.observed_on = zone_days.observed_on
    inner join edges on zone_days.content_id = edges.content_id
    where
        (edges.from_lat > parked.lat) <> (edges.to_lat > parked.lat)
        and parked.lon
        < (edges.to_lon - edges.from_lon) * (parked.lat - edges.from_lat)
        / (edges.to_lat - edges.from_lat) + edges.from_lon
    group by all
    having count(*) % 2 = 1
),

-- of zones that overlap the first in the list decides
decided as (
    select
        inside.system_id,
        inside.observed_on,
        inside.lat,
        inside.lon,
        inside.content_id,
        arg_min(zones.is_end_allowed, zones.list_position) as is_end_allowed
    from inside
    inner join zones
        on inside.content_id = zones.content_id and inside.list_position = zones.list_position
    group by all
),

areas as (
    select
        zone_days.system_id,
        zone_days.observed_on,
        zone_days.content_id,
        bool_or(zones.is_end_allowed) as is_service_area
    from zone_days
    inner join zones on zone_days.content_id = zones.content_id
    group by all
),

-- lawful by any list of zones of the day
placed as (
    select
        parked.system_id,
        parked.feed,
        parked.observed_on,
        parked.lat,
        parked.lon,
        any_value(parked.sightings) as sightings,
        any_value(parked.vehicles) as vehicles,
        any_value(parked.fetch_id) as fetch_id,
        any_value(parked.first_found_at) as first_found_at,
        any_value(parked.last_found_at) as last_found_at,
        bool_or(coalesce(decided.is_end_allowed, not areas.is_service_area)) as is_lawful
    from parked
    inner join areas
        on parked.system_id = areas.system_id and parked.observed_on = areas.observed_on
    left join decided
        on
            areas.content_id = decided.content_id
            and parked.system_id = decided.system_id
            and parked.observed_on = decided.observed_on
            and parked.lat = decided.lat
            and parked.lon = decided.lon
    group by all
),

r28_area as (
    select
        'R28' as rule_id,
        system_id,
        'feed' as object_kind,
        feed as object_id,
        feed,
        observed_on,
        max(sightings) as occurrences,
        sum(vehicles) || ' vehicles stood where no trip may end, one at '
        || arg_min(lat || ', ' || lon, fetch_id) as evidence,
        min(fetch_id) as fetch_id,
        min(first_found_at) as first_found_at,
        max(last_found_at) as last_found_at
    from placed
    where not is_lawful
    group by system_id, feed, observed_on
),

breaches as (
    select * from r26_rotation
    union all by name
    select * from r27_unavailable
    union all by name
    select * from r28_area
),

final as (
    select
        breaches.rule_id,
        touched.system_id,
        breaches.object_kind,
        breaches.object_id,
        touched.observed_on as found_on,
        cast(breaches.occurrences as bigint) as occurrences,
        cast(polls.polls as bigint) as polls,
        breaches.fetch_id,
        breaches.evidence,
        breaches.first_found_at,
        breaches.last_found_at,
        {{ built_at() }} as built_at
    from touched
    left join breaches
        on touched.system_id = breaches.system_id and touched.observed_on = breaches.observed_on
    left join polls
        on
            breaches.system_id = polls.system_id
            and breaches.feed = polls.feed
            and breaches.observed_on = polls.observed_on
)

select * from final
