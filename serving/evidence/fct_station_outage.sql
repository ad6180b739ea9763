-- Two days beside an outage hold all that its bounds depend on.
select
    system_id,
    ['station_status'] as feeds,
    cast([] as varchar []) as whole_feeds,
    coalesce(previous_observed_at, first_observed_at) as shown_from,
    coalesce(next_observed_at, last_observed_at) as shown_until,
    shown_from - interval 2 day as from_at,
    shown_until + interval 2 day as until_at
from claimed
