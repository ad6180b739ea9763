select
    'counts' as part,
    'days of gauges' as item,
    count(*) as gauge_days
from gold.fct_tide_day
