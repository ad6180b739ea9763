select
    'data' as section,
    'days of gauges' as item,
    count(*) as days
from gold.fct_tide_day
