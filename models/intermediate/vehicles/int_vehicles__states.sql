{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

{%- set touched = "built_at > " ~ seen_until() %}

-- Recomputed: every UTC day of a system on which vehicles were observed anew, and the days beside
-- it. A state is cut at midnight UTC, so that a day needs no more than its neighbours.
with touched_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('int_vehicles__moments') }}
    where {{ touched }}
),

days as (
    select distinct
        touched_days.system_id,
        cast(touched_days.observed_on + beside.distance as date) as observed_on
    from touched_days
    cross join (values (-1), (0), (1)) as beside (distance)
),

days_read as (
    select distinct
        days.system_id,
        cast(days.observed_on + beside.distance as date) as observed_on
    from days
    cross join (values (-1), (0), (1)) as beside (distance)
),

-- counted, so that it can be told how many polls a vehicle was missing from
moments as (
    select
        moments.body_fetch_id,
        moments.system_id,
        moments.expected_interval_s,
        moments.observed_at,
        moments.observed_on,
        row_number() over in_order as moment_number,
        lag(moments.observed_at) over in_order as previous_moment_at,
        lead(moments.observed_at) over in_order as next_moment_at,
        lag(moments.expected_interval_s) over in_order as previous_interval_s,
        lead(moments.expected_interval_s) over in_order as next_interval_s
    from {{ ref('int_vehicles__moments') }} as moments
    inner join days_read
        on
            moments.system_id = days_read.system_id
            and moments.observed_on = days_read.observed_on
    window in_order as (partition by moments.system_id order by moments.observed_at)
),

vehicles as (
    select
        *,
        row_number() over (partition by fetch_id, vehicle_id order by list_position) as copy_number,
        coalesce(is_reserved, false) as is_held,
        coalesce(is_disabled, false) as is_broken,
        lat between -90 and 90 and lon between -180 and 180 and (lat <> 0 or lon <> 0) as is_placed
    from {{ ref('stg_gbfs__vehicle') }}
    where
        vehicle_id is not null
        and {{ bodies_around(ref('int_vehicles__moments'), touched, 2)
            | replace('body_fetch_id', 'fetch_id') }}
),

seen as (
    select
        moments.*,
        {{ fingerprint(['vehicles.system_id', 'vehicles.vehicle_id']) }} as vehicle_number,
        {{ fingerprint([
            'vehicles.is_held', 'vehicles.is_broken', 'vehicles.station_id',
            'vehicles.vehicle_type_id'
        ]) }} as fingerprint,
        vehicles.vehicle_id,
        vehicles.vehicle_type_id,
        vehicles.station_id,
        vehicles.is_held as is_reserved,
        vehicles.is_broken as is_disabled,
        case when vehicles.is_placed then vehicles.lat end as lat,
        case when vehicles.is_placed then vehicles.lon end as lon,
        vehicles.current_range_m,
        vehicles.current_fuel_percent
    from vehicles
    inner join moments on vehicles.fetch_id = moments.body_fetch_id
    where vehicles.copy_number = 1
),

sequenced as (
    select
        *,
        lag(fingerprint) over in_order as earlier_fingerprint,
        lead(fingerprint) over in_order as later_fingerprint,
        lag(observed_on) over in_order as earlier_on,
        lead(observed_on) over in_order as later_on,
        {{ is_seen_again('lag') }} as is_seen_before,
        {{ is_seen_again('lead') }} as is_seen_after,
        {{ is_same_place('lag') }} as is_place_before,
        {{ is_same_place('lead') }} as is_place_after
    from seen
    window in_order as (partition by vehicle_number order by observed_at)
),

compared as (
    select
        *,
        coalesce(is_seen_before and is_place_before, false) as is_kept,
        coalesce(is_seen_after and is_place_after, false) as is_kept_on,
        coalesce(is_seen_after and not is_place_after, false) as is_moved_on
    from sequenced
),

edges as (
    select
        *,
        not coalesce(
            is_kept and fingerprint = earlier_fingerprint and observed_on = earlier_on, false
        ) as is_first,
        not coalesce(
            is_kept_on and fingerprint = later_fingerprint and observed_on = later_on, false
        ) as is_last,
        coalesce(
            {{ is_within_reach('previous_moment_at', 'observed_at', 'previous_interval_s') }}, false
        ) as is_asked_before,
        coalesce(
            {{ is_within_reach('observed_at', 'next_moment_at', 'next_interval_s') }}, false
        ) as is_asked_after
    from compared
),

-- of a state only its first and last observation matter from here on
paired as (
    select
        *,
        case when is_last then observed_at else lead(observed_at) over in_order end
            as last_observed_at,
        case when is_last then moment_number else lead(moment_number) over in_order end
            as last_moment_number,
        case when is_last then next_moment_at else lead(next_moment_at) over in_order end
            as following_moment_at,
        case when is_last then is_asked_after else lead(is_asked_after) over in_order end
            as is_asked_on,
        case when is_last then is_kept_on else lead(is_kept_on) over in_order end as is_kept_after,
        case when is_last then is_moved_on else lead(is_moved_on) over in_order end
            as is_moved_after,
        case when is_last then current_range_m else lead(current_range_m) over in_order end
            as last_range_m,
        case
            when is_last then current_fuel_percent else lead(current_fuel_percent) over in_order
        end as last_fuel_percent
    from edges
    where is_first or is_last
    window in_order as (partition by vehicle_number order by observed_at)
),

final as (
    select
        paired.system_id,
        paired.observed_on,
        paired.vehicle_id,
        paired.vehicle_type_id,
        paired.station_id,
        paired.is_reserved,
        paired.is_disabled,
        paired.is_kept,
        paired.is_kept_after,
        paired.is_moved_after,
        paired.is_asked_before,
        paired.is_asked_on as is_asked_after,
        paired.lat,
        paired.lon,
        paired.current_range_m as first_range_m,
        paired.last_range_m,
        paired.current_fuel_percent as first_fuel_percent,
        paired.last_fuel_percent,
        paired.expected_interval_s,
        paired.last_moment_number - paired.moment_number + 1 as polls,
        paired.observed_at as first_observed_at,
        paired.last_observed_at,
        case
            when paired.is_asked_on then paired.following_moment_at else paired.last_observed_at
        end as ended_at,
        case
            when {{ is_near('paired.previous_moment_at', 'paired.observed_at') }}
                then paired.previous_moment_at
        end as previous_moment_at,
        case
            when {{ is_near('paired.last_observed_at', 'paired.following_moment_at') }}
                then paired.following_moment_at
        end as next_moment_at,
        {{ built_at() }} as built_at
    from paired
    inner join days
        on paired.system_id = days.system_id and paired.observed_on = days.observed_on
    where paired.is_first
)

select * from final
