-- An outage is open while its last observation is the last one of its system.
with presents as (
    select
        system_id,
        max(ended_at) as as_of
    from {{ ref('fct_station_state') }}
    where {{ within_last_days(ref('fct_station_state'), 'observed_on', 2) }}
    group by system_id
),

final as (
    select
        outages.outage_id,
        outages.station_sk,
        outages.system_id,
        outages.station_id,
        outages.state,
        outages.minutes_lo,
        cast(
            {{ seconds_between('outages.previous_observed_at', 'presents.as_of') }} / 60 as double
        ) as minutes_hi,
        outages.first_observed_at as since,
        outages.previous_observed_at,
        presents.as_of
    from {{ ref('fct_station_outage') }} as outages
    inner join presents
        on
            outages.system_id = presents.system_id
            and outages.last_observed_at = presents.as_of
)

select * from final
