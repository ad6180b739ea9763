-- One row per rule that sets a station's reports beside the list and its own past, station and
-- UTC day. Made anew by every build, from one row per station and day.
with days as (
    select
        *,
        max(observations) over (partition by system_id, observed_on) as polls,
        lag(last_changed_at ignore nulls) over in_order as changed_before_at,
        avg(changes) over (
            partition by system_id, station_id
            order by observed_on
            rows between 9 preceding and 3 preceding
        ) as usual_changes
    from {{ ref('int_stations__days') }}
    window in_order as (partition by system_id, station_id order by observed_on)
),

-- a list is in force until another one is seen; the first one before it, too
runs as (
    select
        *,
        case when run_number > 1 then cast(first_seen_at as date) else date '1970-01-01' end
            as first_on,
        coalesce(cast(followed_at as date), date '9999-12-31') as last_on
    from {{ ref('int_feeds__content_runs') }}
    where feed = 'station_information'
),

items as (
    select distinct
        content_id,
        station_id
    from {{ ref('stg_gbfs__station_information') }}
    where station_id is not null
),

polled_days as (
    select
        system_id,
        observed_on,
        max(observations) as polls,
        min(first_fetch_id) as first_fetch_id,
        min(first_observed_at) as first_observed_at,
        max(last_observed_at) as last_observed_at
    from {{ ref('int_stations__days') }}
    group by system_id, observed_on
),

-- the day after counts too: a new station may report before the list is asked for again
lists_in_force as (
    select
        polled_days.*,
        runs.content_id,
        runs.run_number,
        runs.first_on <= polled_days.observed_on as is_of_the_day
    from polled_days
    inner join runs
        on
            polled_days.system_id = runs.system_id
            and cast(polled_days.observed_on + 1 as date) >= runs.first_on
            and polled_days.observed_on <= runs.last_on
),

lists as (
    select
        system_id,
        observed_on,
        min(run_number) filter (where is_of_the_day) as first_run_number,
        max(run_number) filter (where is_of_the_day) as last_run_number
    from lists_in_force
    group by system_id, observed_on
),

listed as (
    select
        lists_in_force.system_id,
        lists_in_force.observed_on,
        items.station_id,
        min(lists_in_force.run_number) as first_run_number,
        max(lists_in_force.run_number) filter (where lists_in_force.is_of_the_day)
            as last_run_number
    from lists_in_force
    inner join items on lists_in_force.content_id = items.content_id
    group by lists_in_force.system_id, lists_in_force.observed_on, items.station_id
),

r15_orphans as (
    select
        'R15' as rule_id,
        days.system_id,
        days.station_id,
        days.observed_on,
        days.observations as occurrences,
        days.polls,
        days.first_fetch_id as fetch_id,
        'reports, but no station list of the day has it' as evidence,
        days.first_observed_at as first_found_at,
        days.last_observed_at as last_found_at
    from days
    inner join lists
        on days.system_id = lists.system_id and days.observed_on = lists.observed_on
    anti join listed
        on
            days.system_id = listed.system_id
            and days.observed_on = listed.observed_on
            and days.station_id = listed.station_id
),

-- what vanishes from a list and comes back is expected all the while
r16_missing as (
    select
        'R16' as rule_id,
        listed.system_id,
        listed.station_id,
        listed.observed_on,
        polled_days.polls - coalesce(days.observations, 0) as occurrences,
        polled_days.polls,
        polled_days.first_fetch_id as fetch_id,
        'listed at both ends of the day, missing from '
        || polled_days.polls - coalesce(days.observations, 0)
        || ' of ' || polled_days.polls || ' polls' as evidence,
        polled_days.first_observed_at as first_found_at,
        polled_days.last_observed_at as last_found_at
    from listed
    inner join lists
        on
            listed.system_id = lists.system_id
            and listed.observed_on = lists.observed_on
            and listed.first_run_number = lists.first_run_number
            and listed.last_run_number = lists.last_run_number
    inner join polled_days
        on
            listed.system_id = polled_days.system_id
            and listed.observed_on = polled_days.observed_on
    left join days
        on
            listed.system_id = days.system_id
            and listed.observed_on = days.observed_on
            and listed.station_id = days.station_id
    where coalesce(days.observations, 0) < polled_days.polls
),

capacities as (
    select
        days.system_id,
        days.station_id,
        days.observed_on,
        any_value(days.polls) as polls,
        min(greatest(
            abs(days.docks_least - stations.capacity), abs(days.docks_most - stations.capacity)
        )) as difference,
        list(distinct stations.capacity) as capacities
    from days
    inner join {{ ref('dim_station') }} as stations
        on
            days.system_id = stations.system_id
            and days.station_id = stations.station_id
            and cast(stations.valid_from as date) <= days.observed_on
            and coalesce(cast(stations.valid_to as date) >= days.observed_on, true)
    where stations.capacity > 0 and stations.is_listed
    group by days.system_id, days.station_id, days.observed_on
),

-- the states of the few days that need a closer look
sums as (
    select
        states.*,
        capacities.polls,
        capacities.capacities,
        states.vehicles_available + coalesce(states.vehicles_disabled, 0)
        + states.docks_available + coalesce(states.docks_disabled, 0) as docks
    from capacities
    inner join {{ ref('int_stations__state_intervals') }} as states
        on
            capacities.system_id = states.system_id
            and capacities.station_id = states.station_id
            and capacities.observed_on = states.observed_on
    where capacities.difference > {{ var('capacity_tolerance') }}
),

r18_capacity as (
    select
        'R18' as rule_id,
        system_id,
        station_id,
        observed_on,
        sum(observations) as occurrences,
        any_value(polls) as polls,
        min(first_fetch_id) as fetch_id,
        arg_min(
            'bikes and docks add up to ' || docks || ', capacity '
            || array_to_string(list_sort(capacities), ' or '),
            first_observed_at
        ) as evidence,
        min(first_observed_at) as first_found_at,
        max(last_observed_at) as last_found_at
    from sums
    where
        list_min(list_transform(capacities, lambda capacity: abs(docks - capacity)))
        > {{ var('capacity_tolerance') }}
    group by system_id, station_id, observed_on
),

r24_frozen as (
    select
        'R24' as rule_id,
        system_id,
        station_id,
        observed_on,
        observations as occurrences,
        polls,
        first_fetch_id as fetch_id,
        'no change since ' || changed_before_at || ', where '
        || cast(round(usual_changes) as integer) || ' a day are usual' as evidence,
        changed_before_at as first_found_at,
        coalesce(first_changed_at, last_observed_at) as last_found_at
    from days
    where
        usual_changes >= {{ var('busy_changes') }}
        and is_continued_in
        and {{ seconds_between(
            'changed_before_at', 'coalesce(first_changed_at, last_observed_at)'
        ) }} > 86400
),

united as (
    select * from r15_orphans
    union all by name
    select * from r16_missing
    union all by name
    select * from r18_capacity
    union all by name
    select * from r24_frozen
),

final as (
    select
        rule_id,
        system_id,
        'station' as object_kind,
        station_id as object_id,
        observed_on as found_on,
        cast(occurrences as bigint) as occurrences,
        cast(polls as bigint) as polls,
        fetch_id,
        evidence,
        first_found_at,
        last_found_at
    from united
)

select * from final
