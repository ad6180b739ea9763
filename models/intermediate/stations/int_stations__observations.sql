{{ config(materialized='view') }}

-- A station that stands twice in a list is observed once: the first item counts.
with status as (
    select * from {{ ref('stg_gbfs__station_status') }}
    where station_id is not null and not is_repeat
),

moments as (
    select * from {{ ref('int_stations__moments') }}
),

final as (
    select
        moments.fetch_id,
        status.fetch_id as body_fetch_id,
        status.system_id,
        status.station_id,
        status.is_installed,
        status.is_renting,
        status.is_returning,
        coalesce(
            {{ seconds_between('status.last_reported_at', 'moments.observed_at') }}
            > {{ var('report_limit_s') }},
            false
        ) as is_stale,
        coalesce(status.last_reported_at < timestamp '{{ var("earliest_report") }}', true)
            as is_report_absurd,
        status.vehicles_available,
        status.ebikes_available,
        status.vehicles_disabled,
        status.docks_available,
        status.docks_disabled,
        status.vehicle_types_available,
        moments.expected_interval_s,
        status.last_reported_at,
        moments.observed_at,
        moments.observed_on,
        moments.built_at
    from status
    inner join moments on status.fetch_id = moments.body_fetch_id
)

select * from final
