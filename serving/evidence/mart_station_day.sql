-- A service day lies within a day of the same day of UTC; three more hold all that its states
-- depend on.
select
    system_id,
    ['station_status'] as feeds,
    ['station_information', 'system_information'] as whole_feeds,
    service_on - interval 1 day as shown_from,
    service_on + interval 2 day as shown_until,
    service_on - interval 4 day as from_at,
    service_on + interval 5 day as until_at
from claimed
