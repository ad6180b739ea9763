select
    'counts' as part,
    'days of gauges' as item,
    count(*) as days
from gold.fct_tide_day
