-- Years enough for any archive and any trip file.
with days as (
    select cast(
        unnest(generate_series(timestamp '2005-01-01', timestamp '2040-12-31', interval 1 day))
        as date
    ) as date_on
),

numbered as (
    select
        date_on,
        cast(extract(isodow from date_on) as integer) as weekday_number
    from days
),

final as (
    select
        date_on,
        cast(extract(year from date_on) as integer) as year_number,
        cast(extract(quarter from date_on) as integer) as quarter_number,
        cast(extract(month from date_on) as integer) as month_number,
        cast(date_trunc('month', date_on) as date) as month_on,
        cast(extract(week from date_on) as integer) as week_number,
        cast(date_trunc('week', date_on) as date) as week_on,
        weekday_number,
        case weekday_number
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            else 'Sunday'
        end as weekday_name,
        weekday_number >= 6 as is_weekend
    from numbered
)

select * from final
