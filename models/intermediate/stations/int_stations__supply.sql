{{ config(materialized='incremental', unique_key=['system_id', 'observed_on']) }}

-- Spells: stretches of observations, each but one missed poll after the other, that all say a
-- station has some bikes, or none; and the same of docks. What holds at an observation holds up to
-- the next one that says so too. What a station that is stale says is not known.
-- Recomputed: the UTC days of a system that silver computed anew. A day's last spell looks at the
-- first observation of the day after, with which silver computes the day anew, too.
with touched_days as (
    select distinct
        system_id,
        observed_on
    from {{ ref('fct_station_state') }}
    where built_at > {{ seen_until() }}
),

days_read as (
    select distinct
        touched_days.system_id,
        cast(touched_days.observed_on + beside.distance as date) as observed_on
    from touched_days
    cross join (values (0), (1)) as beside (distance)
),

states as (
    select states.*
    from {{ ref('fct_station_state') }} as states
    inner join days_read
        on
            states.system_id = days_read.system_id
            and states.observed_on = days_read.observed_on
),

told as (
    select
        *,
        'bikes' as supply,
        case
            when is_stale or state = 'unknown' then null
            else state not in ('empty', 'out_of_service')
        end as has_some
    from states
    union all
    select
        *,
        'docks' as supply,
        case
            when is_stale then null
            when not is_installed or not is_returning then false
            else docks_available > 0
        end as has_some
    from states
),

followed as (
    select
        *,
        lead(started_at) over in_order as next_started_at,
        coalesce(
            has_some is not distinct from lead(has_some) over in_order
            and last_observed_at = lead(previous_observed_at) over in_order
            and {{ is_one_outage(
                'last_observed_at', 'lead(started_at) over in_order',
                'lead(expected_interval_s) over in_order'
            ) }}, false
        ) as is_held
    from told
    window in_order as (partition by system_id, station_id, supply order by started_at)
),

numbered as (
    select
        *,
        coalesce(sum(case when is_held then 0 else 1 end) over (
            partition by system_id, station_id, supply, observed_on
            order by started_at
            rows between unbounded preceding and 1 preceding
        ), 0) as spell_number
    from followed
),

final as (
    select
        numbered.system_id,
        numbered.station_id,
        numbered.station_sk,
        numbered.observed_on,
        numbered.supply,
        numbered.has_some,
        max(numbered.expected_interval_s) as expected_interval_s,
        min(numbered.started_at) as started_at,
        max(
            case
                when numbered.is_held then numbered.next_started_at
                else numbered.last_observed_at
            end
        ) as ended_at,
        {{ built_at() }} as built_at
    from numbered
    inner join touched_days
        on
            numbered.system_id = touched_days.system_id
            and numbered.observed_on = touched_days.observed_on
    group by
        numbered.system_id, numbered.station_id, numbered.station_sk, numbered.observed_on,
        numbered.supply, numbered.has_some, numbered.spell_number
)

select * from final
