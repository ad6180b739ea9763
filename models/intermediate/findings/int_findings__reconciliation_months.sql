-- Where what feeds, trip files and work orders say of a month does not fit together.
with months as (
    select
        *,
        fleet_last - fleet_first - coalesce(put_into_service, 0) as unexplained,
        1.0 * truck_stops_found / nullif(truck_stops, 0) as stops_found_share
    from {{ ref('mart_trip_reconciliation_month') }}
),

r36_station as (
    select
        *,
        'R36' as rule_id,
        'the station is known of ' || round(trips_resolved_pct, 1) || ' % of the trips' as evidence
    from months
    where trips_resolved_pct < 100 * {{ var('resolved_share') }}
),

r38_departures as (
    select
        *,
        'R38' as rule_id,
        round(dep_cal) || ' departures inferred, ' || trips_compared || ' trips: '
        || round(ratio, 3) || ', not between ' || round(ratio_band_lo, 3) || ' and '
        || round(ratio_band_hi, 3) as evidence
    from months
    where not is_inside_band
),

r39_fleet as (
    select
        *,
        'R39' as rule_id,
        round(fleet_first) || ' vehicles at first, ' || round(fleet_last) || ' at last, '
        || coalesce(put_into_service, 0) || ' put into service' as evidence
    from months
    where abs(unexplained) > {{ var('fleet_tolerance') }} * fleet_first
),

r40_moves as (
    select
        *,
        'R40' as rule_id,
        truck_stops_found || ' of ' || truck_stops || ' stops of trucks show in the feed'
            as evidence
    from months
    where
        stops_found_share < {{ var('stops_found_share') }}
        and truck_stops >= {{ var('stops_least') }}
),

breaches as (
    select * from r36_station
    union all
    select * from r38_departures
    union all
    select * from r39_fleet
    union all
    select * from r40_moves
),

final as (
    select
        rule_id,
        system_id,
        'system' as object_kind,
        system_id as object_id,
        month_on as found_on,
        1 as occurrences,
        cast(null as bigint) as polls,
        cast(null as varchar) as fetch_id,
        evidence,
        cast(month_on as timestamp) as first_found_at,
        cast(month_on as timestamp) as last_found_at
    from breaches
)

select * from final
