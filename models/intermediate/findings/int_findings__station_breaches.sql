{{ config(materialized='view') }}

-- One row per constant state of a station and rule that it breaks: what a state breaks, it breaks
-- at every poll for as long as it lasts.
with states as (
    select
        *,
        'bikes ' || vehicles_available || ', disabled ' || coalesce(vehicles_disabled, 0)
        || ', docks ' || coalesce(cast(docks_available as varchar), 'untold')
        || ', disabled ' || coalesce(docks_disabled, 0) as counts
    from {{ ref('int_stations__state_intervals') }}
),

typed as (
    select
        states.*,
        {{ gbfs_sum_of_counts('states.vehicle_types_available') }} as vehicles_of_types
    from states
    where states.vehicle_types_available is not null
),

r17_negative as (
    select
        'R17' as rule_id,
        *,
        counts as evidence
    from states
    where
        least(vehicles_available, vehicles_disabled, docks_available, docks_disabled) < 0
),

r19_ebikes as (
    select
        'R19' as rule_id,
        *,
        ebikes_available || ' ebikes of ' || vehicles_available || ' bikes' as evidence
    from states
    where ebikes_available > vehicles_available
),

r20_types as (
    select
        'R20' as rule_id,
        * exclude (vehicles_of_types),
        vehicles_of_types || ' by type, ' || vehicles_available || ' in all' as evidence
    from typed
    where vehicles_of_types <> vehicles_available
),

r21_stale as (
    select
        'R21' as rule_id,
        *,
        'renting, last report over ' || {{ var('report_limit_s') }} // 60 || ' minutes old'
            as evidence
    from states
    where is_stale and not is_report_absurd and is_renting
),

r22_absurd as (
    select
        'R22' as rule_id,
        *,
        'last_reported is missing or before {{ var("earliest_report") }}' as evidence
    from states
    where is_report_absurd
),

r23_flags as (
    select
        'R23' as rule_id,
        *,
        'not installed, yet '
        || concat_ws(
            ' and ',
            case when is_renting then 'renting' end,
            case when is_returning then 'returning' end
        ) as evidence
    from states
    where not is_installed and (is_renting or is_returning)
),

r25_full_and_empty as (
    select
        'R25' as rule_id,
        *,
        counts as evidence
    from states
    where is_renting and is_returning and vehicles_available = 0 and docks_available = 0
),

final as (
    select * from r17_negative
    union all by name
    select * from r19_ebikes
    union all by name
    select * from r20_types
    union all by name
    select * from r21_stale
    union all by name
    select * from r22_absurd
    union all by name
    select * from r23_flags
    union all by name
    select * from r25_full_and_empty
)

select
    rule_id,
    system_id,
    station_id,
    observed_on,
    observations,
    first_fetch_id,
    evidence,
    first_observed_at,
    last_observed_at,
    built_at
from final
