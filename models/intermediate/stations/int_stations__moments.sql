{{ config(materialized='view') }}

-- When the stations of a system were seen, and the document that says how. An answer 304 is a
-- moment at which the document before it was seen again. Of answers at the same moment the first
-- counts.
with answers as (
    select
        *,
        row_number() over (
            partition by system_id, fetched_at
            order by fetch_id
        ) as place_in_moment
    from {{ ref('int_feeds__answers') }}
    where
        feed = 'station_status'
        and (is_json or http_status = 304)
),

final as (
    select
        fetch_id,
        body_fetch_id,
        system_id,
        expected_interval_s,
        fetched_at as observed_at,
        cast(fetched_at as date) as observed_on,
        built_at
    from answers
    where place_in_moment = 1
)

select * from final
