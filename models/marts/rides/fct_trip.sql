-- A copy of the rides that count: made anew by each build, for a ride read long ago leaves when a
-- corrected file replaces its own.
with rides as (
    select rides.*
    from {{ ref('int_trips__rides') }} as rides
    inner join {{ ref('int_trips__files') }} as files on rides.file_id = files.file_id
    where files.is_current
),

breaches as (
    select
        file_id,
        line,
        bool_or(is_quarantined) as is_quarantined,
        bool_or(rule_id = 'R37') as is_bike_elsewhere
    from {{ ref('int_trips__breaches') }}
    group by file_id, line
),

xref as (
    select * from {{ ref('dim_station_xref') }}
    where used_in = 'trips'
),

final as (
    select
        rides.trip_id,
        rides.system_id,
        start_names.station_sk as start_station_sk,
        end_names.station_sk as end_station_sk,
        rides.ride_id,
        rides.file_id,
        rides.line,
        rides.start_station_id,
        rides.start_station_name,
        rides.end_station_id,
        rides.end_station_name,
        rides.bike_id,
        rides.bike_type,
        rides.rider_type,
        rides.is_time_ambiguous,
        coalesce(breaches.is_bike_elsewhere, false) as is_bike_elsewhere,
        rides.start_lat,
        rides.start_lng,
        rides.end_lat,
        rides.end_lng,
        rides.duration_s,
        rides.service_on,
        rides.started_at,
        rides.ended_at
    from rides
    left join breaches on rides.file_id = breaches.file_id and rides.line = breaches.line
    left join xref as start_names
        on
            rides.system_id = start_names.system_id
            and {{ station_ref('rides.start_station_id', 'rides.start_station_name') }}
            = start_names.station_ref
            and {{ is_in_version('rides.started_at', 'start_names') }}
    left join xref as end_names
        on
            rides.system_id = end_names.system_id
            and {{ station_ref('rides.end_station_id', 'rides.end_station_name') }}
            = end_names.station_ref
            and {{ is_in_version('rides.ended_at', 'end_names') }}
    where not coalesce(breaches.is_quarantined, false)
)

select * from final
