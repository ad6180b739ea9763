-- Nothing is lost between a trip file and the trips: each of its lines is a trip, a quarantined
-- ride or a line that could not be read, and just one of these. Replaced files have no trips.
with files as (
    select * from {{ ref('fct_trip_file') }}
),

final as (
    select
        file_id,
        lines_received,
        lines_unread,
        rides_quarantined,
        trips
    from files
    where
        (is_current and lines_received <> lines_unread + rides_quarantined + trips)
        or (not is_current and rides_quarantined + trips > 0)
)

select * from final
