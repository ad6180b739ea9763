{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- Recomputed: every UTC day of a system on which something new was observed, and the days beside
-- it, whose first and last interval may end differently now. An interval is cut at midnight UTC,
-- so that a day needs no more than its neighbours, whatever is late, shuffled or sent twice: the
-- cost of a poll stays the same however long the history.
with touched_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('int_stations__observations') }}
    where built_at > {{ seen_until() }}
),

days as (
    select distinct
        touched_days.system_id,
        cast(touched_days.observed_on + beside.distance as date) as observed_on
    from touched_days
    cross join (values (-1), (0), (1)) as beside (distance)
),

-- a day's first and last interval look at the day before and after
days_read as (
    select distinct
        days.system_id,
        cast(days.observed_on + beside.distance as date) as observed_on
    from days
    cross join (values (-1), (0), (1)) as beside (distance)
),

-- as narrow as can be, for all of it is sorted: the state as one number
observations as (
    select
        seen.system_id,
        seen.station_id,
        seen.observed_at,
        seen.observed_on,
        seen.expected_interval_s,
        {{ fingerprint([
            'seen.vehicles_available', 'seen.vehicles_disabled', 'seen.docks_available',
            'seen.docks_disabled', 'seen.is_installed', 'seen.is_renting', 'seen.is_returning',
            'seen.vehicle_types_available'
        ]) }} as fingerprint
    from {{ ref('int_stations__observations') }} as seen
    inner join days_read
        on seen.system_id = days_read.system_id and seen.observed_on = days_read.observed_on
),

sequenced as (
    select
        *,
        row_number() over in_order as position_in_order,
        lag(fingerprint) over in_order as previous_fingerprint,
        lead(fingerprint) over in_order as next_fingerprint,
        lag(observed_at) over in_order as previous_observed_at,
        lead(observed_at) over in_order as next_observed_at,
        lag(expected_interval_s) over in_order as previous_interval_s,
        lead(expected_interval_s) over in_order as next_interval_s
    from observations
    window in_order as (partition by system_id, station_id order by observed_at)
),

-- null where there is no such observation within reach: nothing is known there
reached as (
    select
        * exclude (previous_observed_at, next_observed_at),
        case
            when {{ is_within_reach('previous_observed_at', 'observed_at', 'previous_interval_s') }}
                then previous_observed_at
        end as previous_observed_at,
        case
            when {{ is_within_reach('observed_at', 'next_observed_at', 'next_interval_s') }}
                then next_observed_at
        end as next_observed_at
    from sequenced
),

edges as (
    select
        *,
        fingerprint = previous_fingerprint and previous_observed_at is not null as is_continued,
        coalesce(
            fingerprint <> previous_fingerprint
            or cast(previous_observed_at as date) <> observed_on, true
        ) as is_first,
        coalesce(
            fingerprint <> next_fingerprint
            or cast(next_observed_at as date) <> observed_on, true
        ) as is_last
    from reached
),

-- of an interval only the first and the last observation matter from here on
paired as (
    select
        *,
        case when is_last then observed_at else lead(observed_at) over in_order end
            as last_observed_at,
        case when is_last then next_observed_at else lead(next_observed_at) over in_order end
            as following_observed_at,
        case when is_last then position_in_order else lead(position_in_order) over in_order end
        - position_in_order + 1 as observations
    from edges
    where is_first or is_last
    window in_order as (partition by system_id, station_id order by observed_at)
),

intervals as (
    select paired.* from paired
    inner join days
        on paired.system_id = days.system_id and paired.observed_on = days.observed_on
    where paired.is_first
),

final as (
    select
        intervals.system_id,
        intervals.station_id,
        intervals.observed_on,
        seen.is_installed,
        seen.is_renting,
        seen.is_returning,
        seen.vehicles_available,
        seen.vehicles_disabled,
        seen.docks_available,
        seen.docks_disabled,
        seen.vehicle_types_available,
        intervals.observations,
        coalesce(intervals.is_continued, false) as is_continued,
        intervals.previous_observed_at is null as is_censored_left,
        intervals.following_observed_at is null as is_censored_right,
        intervals.observed_at as first_observed_at,
        intervals.last_observed_at,
        intervals.previous_observed_at,
        intervals.following_observed_at as next_observed_at,
        {{ built_at() }} as built_at
    from intervals
    inner join {{ ref('int_stations__observations') }} as seen
        on
            intervals.system_id = seen.system_id
            and intervals.station_id = seen.station_id
            and intervals.observed_at = seen.observed_at
            and intervals.observed_on = seen.observed_on
)

select * from final
