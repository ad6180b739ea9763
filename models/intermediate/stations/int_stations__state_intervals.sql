{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['system_id', 'observed_on'],
        on_schema_change='fail',
    )
}}

-- Recomputed: every UTC day of a system on which something new was observed, and the days beside
-- it, whose first and last interval may end differently now. An interval is cut at midnight UTC,
-- so that a day needs no more than its neighbours, whatever is late, shuffled or sent twice: the
-- cost of a poll stays the same however long the history.
with touched_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('stg_gbfs__station_status') }}
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

observations as (
    select
        status.*,
        row_number() over (
            partition by status.system_id, status.station_id, status.observed_at
            order by status.fetch_id, status.list_position
        ) as copy_number
    from {{ ref('stg_gbfs__station_status') }} as status
    inner join days_read
        on status.system_id = days_read.system_id and status.observed_on = days_read.observed_on
    where status.station_id is not null
),

sequenced as (
    select
        *,
        lag(observed_at) over in_order as previous_observed_at,
        lead(observed_at) over in_order as next_observed_at,
        greatest(expected_interval_s, lag(expected_interval_s) over in_order)
            as previous_interval_s,
        greatest(expected_interval_s, lead(expected_interval_s) over in_order)
            as next_interval_s,
        {{ is_changed([
            'vehicles_available', 'vehicles_disabled', 'docks_available', 'docks_disabled',
            'is_installed', 'is_renting', 'is_returning', 'cast(vehicle_types_available as varchar)'
        ]) }} as is_changed
    from observations
    where copy_number = 1
    window in_order as (partition by system_id, station_id order by observed_at)
),

-- null where there is no such observation within reach: nothing is known there
reached as (
    select
        *,
        case
            when
                {{ seconds_between('previous_observed_at', 'observed_at') }}
                <= {{ gap_after_s('previous_interval_s') }}
                then previous_observed_at
        end as previous_seen_at,
        case
            when
                {{ seconds_between('observed_at', 'next_observed_at') }}
                <= {{ gap_after_s('next_interval_s') }}
                then next_observed_at
        end as next_seen_at
    from sequenced
),

numbered as (
    select
        *,
        sum(
            case
                when is_changed or previous_seen_at is null
                    or cast(previous_seen_at as date) <> observed_on
                    then 1
                else 0
            end
        ) over (
            partition by system_id, station_id
            order by observed_at rows unbounded preceding
        ) as interval_number
    from reached
),

intervals as (
    select
        system_id,
        station_id,
        observed_on,
        min(observed_at) as first_observed_at,
        max(observed_at) as last_observed_at,
        -- of the observations within, only the first looks back before all of them, and only the
        -- last looks ahead: null where nothing is within reach (min_by would pass over the null)
        nullif(min(previous_seen_at), min(observed_at)) as previous_observed_at,
        nullif(max(next_seen_at), max(observed_at)) as next_observed_at,
        not min_by(is_changed, observed_at) as is_continued,
        count(*) as observations,
        any_value(vehicles_available) as vehicles_available,
        any_value(vehicles_disabled) as vehicles_disabled,
        any_value(docks_available) as docks_available,
        any_value(docks_disabled) as docks_disabled,
        any_value(is_installed) as is_installed,
        any_value(is_renting) as is_renting,
        any_value(is_returning) as is_returning,
        any_value(vehicle_types_available) as vehicle_types_available
    from numbered
    group by system_id, station_id, observed_on, interval_number
),

final as (
    select
        intervals.system_id,
        intervals.station_id,
        intervals.observed_on,
        intervals.is_installed,
        intervals.is_renting,
        intervals.is_returning,
        intervals.vehicles_available,
        intervals.vehicles_disabled,
        intervals.docks_available,
        intervals.docks_disabled,
        intervals.vehicle_types_available,
        intervals.observations,
        intervals.is_continued and intervals.previous_observed_at is not null as is_continued,
        intervals.previous_observed_at is null as is_censored_left,
        intervals.next_observed_at is null as is_censored_right,
        intervals.first_observed_at,
        intervals.last_observed_at,
        intervals.previous_observed_at,
        intervals.next_observed_at,
        {{ built_at() }} as built_at
    from intervals
    inner join days
        on intervals.system_id = days.system_id and intervals.observed_on = days.observed_on
)

select * from final
