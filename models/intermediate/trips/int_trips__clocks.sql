-- What a local clock shows, and the moment or the two at which it does. Made from UTC, where each
-- moment is one: when clocks go back a half-hour is shown twice, and when they go forward one is
-- never shown. It is given the moment at which an unchanged clock would have shown it.
with zones as (
    select distinct timezone from {{ ref('int_trips__files') }}
),

moments as (
    select
        timezone,
        unnest(generate_series(
            cast('{{ var("earliest_trip") }}' as timestamp),
            {{ built_at() }} + interval 2 day,
            interval 30 minute
        )) as utc_at
    from zones
),

shown as (
    select
        timezone,
        utc_at,
        cast(
            (utc_at at time zone 'UTC') at time zone timezone as timestamp
        ) as local_at
    from moments
),

steps as (
    select
        *,
        lead(local_at) over (
            partition by timezone
            order by utc_at
        ) as next_local_at
    from shown
),

skipped as (
    select
        timezone,
        utc_at,
        local_at,
        unnest(generate_series(
            local_at + interval 30 minute, next_local_at - interval 30 minute, interval 30 minute
        )) as skipped_at
    from steps
    where next_local_at > local_at + interval 30 minute
),

final as (
    select
        timezone,
        local_at,
        false as is_skipped,
        min(utc_at) as first_utc_at,
        max(utc_at) as last_utc_at
    from shown
    group by timezone, local_at
    union all
    select
        timezone,
        skipped_at as local_at,
        true as is_skipped,
        utc_at + (skipped_at - local_at) as first_utc_at,
        utc_at + (skipped_at - local_at) as last_utc_at
    from skipped
)

select * from final
