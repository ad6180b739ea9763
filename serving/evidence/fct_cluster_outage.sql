-- Three days beside an outage hold all that is known of its days; the clusters follow from all lists.
select
    system_id,
    ['station_status'] as feeds,
    ['station_information'] as whole_feeds,
    started_at - to_seconds(2 * expected_interval_s) as shown_from,
    ended_at + to_seconds(2 * expected_interval_s) as shown_until,
    started_at - interval 3 day as from_at,
    ended_at + interval 3 day as until_at
from claimed
