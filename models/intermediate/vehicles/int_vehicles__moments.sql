{{ config(materialized='view') }}

-- When the vehicles of a system were seen, and the document that says how. A list without a
-- vehicle is none: it cannot be told from a feed that fails. Of answers at the same moment the
-- first counts.
with answers as (
    select
        *,
        row_number() over (
            partition by system_id, fetched_at
            order by fetch_id
        ) as place_in_moment
    from {{ ref('int_feeds__answers') }}
    where
        feed in ('free_bike_status', 'vehicle_status')
        and item_shape is not null
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
