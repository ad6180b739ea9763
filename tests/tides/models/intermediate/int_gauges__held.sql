-- A gauge that tells of a level that no sea has is held back until it tells of others.
select
    gauge_id,
    'level ' || last_level_m || ' m' as reason
from (
    select
        gauge_id,
        max_by(level_m, read_at) as last_level_m
    from {{ ref('stg_tides__reading') }}
    group by gauge_id
)
where abs(last_level_m) > 20
