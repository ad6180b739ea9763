-- Minutes are summed over intervals: an overlap would count them twice. The next interval may
-- begin just where the one before ends.
with sequenced as (
    select
        system_id,
        station_id,
        started_at,
        ended_at,
        lead(started_at) over (
            partition by system_id, station_id
            order by started_at
        ) as next_started_at
    from {{ ref('fct_station_state') }}
),

final as (
    select * from sequenced
    where ended_at > next_started_at
)

select * from final
