select
    gauge_id,
    cast(read_at as date) as read_on,
    cast(count(*) as integer) as readings,
    max(level_m) as highest_m
from {{ ref('stg_tides__reading') }}
group by gauge_id, cast(read_at as date)
