-- Rides that begin while the same bike is on another one (R37). Which of the two is wrong cannot be
-- told, so both stay. Times in minutes may touch.
with repeats as (
    select * from {{ ref('int_trips__duplicates') }}
),

rides as (
    select
        rides.file_id,
        rides.line,
        rides.system_id,
        rides.bike_id,
        rides.started_at,
        rides.ended_at
    from {{ ref('int_trips__rides') }} as rides
    inner join {{ ref('int_trips__files') }} as files on rides.file_id = files.file_id
    left join repeats on rides.file_id = repeats.file_id and rides.line = repeats.line
    where
        files.is_current
        and rides.bike_id is not null
        and epoch(rides.ended_at - rides.started_at) between 0 and {{ var('longest_trip_s') }}
        and repeats.file_id is null
),

followed as (
    select
        *,
        max(ended_at) over (
            partition by system_id, bike_id
            order by started_at, file_id, line
            rows between unbounded preceding and 1 preceding
        ) as earlier_ended_at
    from rides
),

final as (
    select
        file_id,
        line,
        earlier_ended_at
    from followed
    where earlier_ended_at > started_at + interval 1 minute
)

select * from final
