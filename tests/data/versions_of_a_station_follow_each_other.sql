-- At every time from its first version on a station has just one: a version ends where the next one
-- begins, and the last one is current.
with versions as (
    select
        station_version_sk,
        valid_to,
        is_current,
        lead(valid_from) over (
            partition by station_sk
            order by version_number
        ) as next_valid_from
    from {{ ref('dim_station') }}
),

final as (
    select * from versions
    where
        valid_to is distinct from next_valid_from
        or is_current is distinct from (next_valid_from is null)
)

select * from final
