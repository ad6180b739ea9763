select
    raw.file,
    raw.gauge_id,
    cast(raw.read_at as timestamp) as read_at,
    try_cast(raw.level_m as double) as level_m,
    raw.landed_at at time zone 'UTC' as landed_at
from {{ source('tides', 'tide_level') }} as raw
{% if is_incremental() %}
where raw.landed_at at time zone 'UTC' > (select max(known.landed_at) from {{ this }} as known)
{% endif %}
