-- Rides that stand in the current files more than once (R29): all but one. Kept is one whose times
-- can be read, and of these the one that was imported first.
with rides as (
    select
        rides.file_id,
        rides.line,
        rides.trip_id,
        rides.unread_time,
        files.file_name,
        files.imported_at
    from {{ ref('int_trips__rides') }} as rides
    inner join {{ ref('int_trips__files') }} as files on rides.file_id = files.file_id
    where files.is_current
),

repeated as (
    select trip_id
    from rides
    group by trip_id
    having count(*) > 1
),

ranked as (
    select
        rides.*,
        row_number() over copies as place,
        first_value(rides.file_name) over copies as kept_file_name,
        first_value(rides.line) over copies as kept_line
    from rides
    inner join repeated on rides.trip_id = repeated.trip_id
    window
        copies as (
            partition by rides.trip_id
            order by rides.unread_time is not null, rides.imported_at, rides.file_id, rides.line
        )
),

final as (
    select
        file_id,
        line,
        trip_id,
        kept_file_name,
        kept_line
    from ranked
    where place > 1
)

select * from final
