-- What the rides of the current files break, and whether a ride is thereby none that counts. A ride
-- that breaks several rules has a row for each.
with rides as (
    select rides.*
    from {{ ref('int_trips__rides') }} as rides
    inner join {{ ref('int_trips__files') }} as files on rides.file_id = files.file_id
    where files.is_current
),

r29_repeated as (
    select
        file_id,
        line,
        'R29' as rule_id,
        'a repeat of line ' || kept_line || ' of ' || kept_file_name as evidence,
        true as is_quarantined
    from {{ ref('int_trips__duplicates') }}
),

r30_duration as (
    select
        file_id,
        line,
        'R30' as rule_id,
        'it lasts ' || cast(round(duration_s) as bigint) || ' s' as evidence,
        true as is_quarantined
    from rides
    where duration_s not between {{ var('shortest_trip_s') }} and {{ var('longest_trip_s') }}
),

r31_time as (
    select
        file_id,
        line,
        'R31' as rule_id,
        unread_time as evidence,
        true as is_quarantined
    from rides
    where unread_time is not null
),

r32_id as (
    select
        file_id,
        line,
        'R32' as rule_id,
        cut_id as evidence,
        false as is_quarantined
    from rides
    where cut_id is not null
),

r33_test as (
    select
        file_id,
        line,
        'R33' as rule_id,
        'from ' || coalesce(start_station_name, '?') || ' to ' || coalesce(end_station_name, '?')
            as evidence,
        true as is_quarantined
    from rides
    where
        regexp_matches(lower(start_station_name), '{{ var("test_station") }}')
        or regexp_matches(lower(end_station_name), '{{ var("test_station") }}')
),

r34_place as (
    select
        file_id,
        line,
        'R34' as rule_id,
        odd_place as evidence,
        false as is_quarantined
    from rides
    where odd_place is not null
),

r35_clock as (
    select
        file_id,
        line,
        'R35' as rule_id,
        'taken to be from ' || started_at || ' to ' || ended_at || ' UTC' as evidence,
        false as is_quarantined
    from rides
    where is_time_ambiguous and started_at is not null and ended_at is not null
),

r37_bike as (
    select
        file_id,
        line,
        'R37' as rule_id,
        'its bike is on another trip until ' || earlier_ended_at || ' UTC' as evidence,
        false as is_quarantined
    from {{ ref('int_trips__bike_overlaps') }}
),

final as (
    select * from r29_repeated
    union all
    select * from r30_duration
    union all
    select * from r31_time
    union all
    select * from r32_id
    union all
    select * from r33_test
    union all
    select * from r34_place
    union all
    select * from r35_clock
    union all
    select * from r37_bike
)

select * from final
