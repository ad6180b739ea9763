-- An outage is nothing but intervals of its state, one observed right after the other: none is left
-- out, none belongs to two, no other state lies between.
with states as (
    select * from {{ ref('fct_station_state') }}
),

out as (
    select
        system_id,
        station_id,
        state,
        observations,
        started_at,
        last_observed_at,
        previous_observed_at
    from states
    where state in ('empty', 'full', 'out_of_service')
    union all
    select
        system_id,
        station_id,
        'stale' as state,
        observations,
        started_at,
        last_observed_at,
        previous_observed_at
    from states
    where is_stale
),

outages as (
    select * from {{ ref('fct_station_outage') }}
),

placed as (
    select
        out.*,
        outages.outage_id,
        out.started_at = outages.first_observed_at as is_first
    from out
    asof left join outages
        on
            out.system_id = outages.system_id
            and out.station_id = outages.station_id
            and out.state = outages.state
            and out.started_at >= outages.first_observed_at
),

compared as (
    select
        *,
        is_first
        or coalesce(
            previous_observed_at = lag(last_observed_at) over (
                partition by outage_id
                order by started_at
            ), false
        ) as is_joined
    from placed
),

summed as (
    select
        outage_id,
        sum(observations) as observations,
        min(started_at) as first_observed_at,
        max(last_observed_at) as last_observed_at,
        bool_and(is_joined) as is_whole
    from compared
    group by outage_id
),

final as (
    select outage_id
    from summed
    full outer join outages using (outage_id)
    where (
        summed.observations = outages.observations
        and summed.first_observed_at = outages.first_observed_at
        and summed.last_observed_at = outages.last_observed_at
        and summed.is_whole
    ) is not true
)

select * from final
