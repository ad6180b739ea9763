with systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

days_seen as (
    select
        system_id,
        min(fetched_on) as first_on,
        max(fetched_on) as last_on
    from {{ ref('mart_feed_quality_day') }}
    group by system_id
    union all
    select
        system_id,
        min(service_on) as first_on,
        max(service_on) as last_on
    from {{ ref('fct_trip') }}
    group by system_id
),

spans as (
    select
        system_id,
        min(first_on) as first_on,
        max(last_on) as last_on
    from days_seen
    group by system_id
),

service_days as (
    select
        spans.system_id,
        systems.timezone,
        cast(series.day as date) as service_on
    from spans
    inner join systems on spans.system_id = systems.system_id
    cross join lateral unnest(
        generate_series(cast(spans.first_on as timestamp), spans.last_on, interval 1 day)
    ) as series (day)
),

bounded as (
    select
        *,
        {{ local_midnight('service_on', 'timezone') }} as starts_at,
        {{ local_midnight('cast(service_on + 1 as date)', 'timezone') }} as ends_at
    from service_days
),

holidays as (
    select * from {{ ref('holidays') }}
),

final as (
    select
        bounded.system_id,
        bounded.service_on,
        bounded.timezone,
        bounded.starts_at,
        bounded.ends_at,
        cast({{ seconds_between('bounded.starts_at', 'bounded.ends_at') }} / 60 as double)
            as day_minutes,
        cast(
            {{ seconds_between('bounded.starts_at', 'cast(bounded.service_on as timestamp)') }}
            / 60 as double
        ) as utc_offset_minutes,
        bounded.ends_at <> bounded.starts_at + interval 24 hour as is_clock_change,
        holidays.holiday_on is not null as is_holiday,
        holidays.holiday_name
    from bounded
    left join holidays
        on bounded.system_id = holidays.system_id and bounded.service_on = holidays.holiday_on
)

select * from final
