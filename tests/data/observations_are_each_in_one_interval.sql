-- Intervals are another way to write the observations down: every station seen at a moment is in
-- just one of them, and a copy of an observation in none. An answer 304 is a moment at which all
-- stations of its document are seen. By system and UTC day, which is what a build replaces.
with documents as (
    select
        fetch_id,
        count(*) as observations
    from {{ ref('stg_gbfs__station_status') }}
    where station_id is not null and not is_repeat
    group by fetch_id
),

observed as (
    select
        moments.system_id,
        moments.observed_on,
        sum(documents.observations) as observations
    from {{ ref('int_stations__moments') }} as moments
    inner join documents on moments.body_fetch_id = documents.fetch_id
    group by moments.system_id, moments.observed_on
),

in_intervals as (
    select
        system_id,
        observed_on,
        sum(observations) as observations
    from {{ ref('fct_station_state') }}
    group by system_id, observed_on
),

final as (
    select
        system_id,
        observed_on,
        observed.observations,
        in_intervals.observations as observations_in_intervals
    from observed
    full outer join in_intervals using (system_id, observed_on)
    where observed.observations is distinct from in_intervals.observations
)

select * from final
