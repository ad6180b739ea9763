with files as (
    select * from {{ ref('int_trips__files') }}
),

trips as (
    select
        file_id,
        count(*) as trips,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at
    from {{ ref('fct_trip') }}
    group by file_id
),

quarantined as (
    select
        file_id,
        count(*) as rides
    from {{ ref('fct_trip_quarantined') }}
    group by file_id
),

final as (
    select
        files.file_id,
        files.system_id,
        files.file_name,
        files.origin,
        files.family,
        files.is_current,
        files.received as lines_received,
        files.quarantined as lines_unread,
        coalesce(quarantined.rides, 0) as rides_quarantined,
        coalesce(trips.trips, 0) as trips,
        trips.first_started_at,
        trips.last_started_at,
        files.imported_at
    from files
    left join trips on files.file_id = trips.file_id
    left join quarantined on files.file_id = quarantined.file_id
)

select * from final
