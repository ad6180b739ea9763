-- A month with three days on either side, of all feeds that are near real time: a rule may be about
-- any of them. The clusters follow from all lists. Local months lie within a day of those of UTC.
select
    system_id,
    [
        'station_status', 'free_bike_status', 'vehicle_status', 'vehicle_availability',
        'system_alerts'
    ] as feeds,
    ['station_information', 'system_information'] as whole_feeds,
    month_on - interval 1 day as shown_from,
    month_on + interval 1 month + interval 1 day as shown_until,
    month_on - interval 4 day as from_at,
    month_on + interval 1 month + interval 4 day as until_at
from claimed
