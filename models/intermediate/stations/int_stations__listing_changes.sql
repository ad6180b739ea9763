-- A stretch counts when it has been seen to hold for six hours, or is a station's only one; a
-- shorter one is a flap, and what stood before it goes on. Two stretches that are the same but for
-- a move within the accuracy of a receiver are one.
with listings as (
    select
        *,
        {{ fingerprint([
            'is_listed', 'short_name', 'name', 'region_id', 'address', 'post_code', 'is_virtual',
            'lat', 'lon', 'capacity'
        ]) }} as said,
        {{ seconds_between('first_seen_at', 'last_seen_at') }} >= {{ var('flap_limit_s') }}
            as is_long,
        followed_at is null as is_latest
    from {{ ref('int_stations__listings') }}
),

first_ones as (
    select
        system_id,
        station_id,
        min(stretch_number) filter (where is_listed) as first_listed_number,
        arg_min(said, stretch_number) filter (where is_long) as first_long_said
    from listings
    group by system_id, station_id
),

-- the first one counts, too, where no other does, or where the first that does says the same: an
-- archive can begin shortly before a flap
weighed as (
    select
        listings.*,
        listings.is_long
        or listings.stretch_number = first_ones.first_listed_number
        and coalesce(listings.said = first_ones.first_long_said, true) as is_lasting
    from listings
    inner join first_ones
        on
            listings.system_id = first_ones.system_id
            and listings.station_id = first_ones.station_id
),

-- what is compared: the stretch before, of any length, and the last lasting one
compared as (
    select
        *,
        last_value(case when is_lasting then stretch_number end ignore nulls) over before_it
            as standing_number
    from weighed
    window before_it as (
        partition by system_id, station_id
        order by stretch_number
        rows between unbounded preceding and 1 preceding
    )
),

differences as (
    select
        later.*,
        earlier.stretch_number is null as is_first,
        coalesce(not later.is_listed and earlier.is_listed, false) as is_closed,
        coalesce(later.is_listed and not earlier.is_listed, false) as is_reopened,
        later.is_listed and earlier.is_listed as is_compared,
        {{ metres_between('earlier.lat', 'earlier.lon', 'later.lat', 'later.lon') }} as moved_m,
        (
            later.lat is distinct from earlier.lat
            or later.lon is distinct from earlier.lon
        ) as is_moved,
        (
            later.name is distinct from earlier.name
            or later.short_name is distinct from earlier.short_name
        ) as is_renamed,
        (later.capacity is distinct from earlier.capacity) as is_resized,
        (
            later.region_id is distinct from earlier.region_id
            or later.address is distinct from earlier.address
            or later.post_code is distinct from earlier.post_code
            or later.is_virtual is distinct from earlier.is_virtual
        ) as is_otherwise_changed,
        earlier.name as name_before,
        earlier.capacity as capacity_before
    from compared as later
    left join listings as earlier
        on
            later.system_id = earlier.system_id
            and later.station_id = earlier.station_id
            and later.standing_number = earlier.stretch_number
),

reasoned as (
    select
        *,
        case
            when is_first and is_listed then 'open'
            when is_first then 'none'
            when is_closed then 'close'
            when is_reopened then 'reopen'
            when not is_compared then 'none'
            when is_moved and coalesce(moved_m >= {{ var('jitter_m') }}, true) then 'move'
            when is_renamed then 'rename'
            when is_resized then 'capacity'
            when is_otherwise_changed then 'other'
            when is_moved then 'jitter'
            else 'none'
        end as difference
    from differences
),

final as (
    select
        system_id,
        station_id,
        stretch_number,
        case
            when is_lasting then difference
            when is_latest then 'pending'
            else 'flap'
        end as change_reason,
        difference,
        is_listed,
        short_name,
        name,
        name_before,
        region_id,
        address,
        post_code,
        is_virtual,
        lat,
        lon,
        moved_m,
        capacity,
        capacity_before,
        first_seen_at,
        last_seen_at,
        followed_at
    from reasoned
)

select * from final
