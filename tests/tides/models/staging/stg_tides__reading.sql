select
    landed.file,
    landed.gauge_id,
    cast(landed.read_at as timestamp) as read_at,
    try_cast(landed.level_m as double) as level_m,
    landed.landed_at at time zone 'UTC' as landed_at
from {{ source('tides', 'tide_level') }} as landed
{% if is_incremental() %}
where landed.landed_at at time zone 'UTC' > (select max(known.landed_at) from {{ this }} as known)
{% endif %}
