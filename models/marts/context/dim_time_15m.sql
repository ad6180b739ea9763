with quarters as (
    select cast(unnest(range(96)) as integer) as time_15m_id
),

numbered as (
    select
        time_15m_id,
        cast(floor(time_15m_id / 4) as integer) as hour_number,
        15 * (time_15m_id % 4) as minute_number
    from quarters
),

final as (
    select
        time_15m_id,
        lpad(cast(hour_number as varchar), 2, '0')
        || ':'
        || lpad(cast(minute_number as varchar), 2, '0') as starts_on_clock,
        hour_number,
        minute_number,
        case
            when hour_number < 6 then 'night'
            when hour_number < 10 then 'morning'
            when hour_number < 16 then 'midday'
            when hour_number < 20 then 'evening'
            else 'late'
        end as day_part
    from numbered
)

select * from final
