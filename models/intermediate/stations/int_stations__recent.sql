-- How each station was at every fifth minute of the last day, as clocks show it, and when its
-- system was last seen (step 0). A moment at which it was not seen has no row.
with states as (
    select
        *,
        max(ended_at) over (partition by system_id) as as_of
    from {{ ref('fct_station_state') }}
    where {{ within_last_days(ref('fct_station_state'), 'observed_on', 2) }}
),

stations as (
    select
        system_id,
        station_sk,
        max(as_of) as as_of
    from states
    group by system_id, station_sk
),

moments as (
    select
        stations.*,
        cast(steps.step as integer) as step,
        case
            when steps.step = 0 then stations.as_of
            else
                time_bucket(interval 5 minutes, stations.as_of)
                - to_minutes(5 * (cast(steps.step as integer) - 1))
        end as moment_at
    from stations
    cross join range(0, 290) as steps (step)
),

final as (
    select
        moments.system_id,
        moments.station_sk,
        moments.step,
        states.state,
        case when states.state in ('open', 'full') then states.vehicles_available else 0 end
            as vehicles,
        case when states.is_returning and states.is_installed then states.docks_available end
            as docks,
        moments.moment_at,
        moments.as_of
    from moments
    asof inner join states
        on
            moments.system_id = states.system_id
            and moments.station_sk = states.station_sk
            and moments.moment_at >= states.started_at
    where states.ended_at >= moments.moment_at and states.state <> 'unknown'
)

select * from final
