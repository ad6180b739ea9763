-- Intervals are another way to write the observations down: every station seen at a time is in
-- just one of them, and a copy of an observation in none. By system and UTC day, which is what a
-- build replaces. To tell copies costs 1.2 s over 4.6 million rows, counting rows 0.05 s: only the
-- days on which rows and observations differ are looked at closely.
with status as (
    select * from {{ ref('stg_gbfs__station_status') }}
    where station_id is not null
),

row_counts as (
    select
        system_id,
        observed_on,
        count(*) as observations
    from status
    group by system_id, observed_on
),

in_intervals as (
    select
        system_id,
        observed_on,
        sum(observations) as observations
    from {{ ref('fct_station_state') }}
    group by system_id, observed_on
),

days_in_doubt as (
    select
        system_id,
        observed_on,
        in_intervals.observations as observations_in_intervals
    from row_counts
    full outer join in_intervals using (system_id, observed_on)
    where row_counts.observations is distinct from in_intervals.observations
),

distinct_observations as (
    select distinct
        status.system_id,
        status.observed_on,
        status.station_id,
        status.observed_at
    from status
    inner join days_in_doubt
        on
            status.system_id = days_in_doubt.system_id
            and status.observed_on = days_in_doubt.observed_on
),

observed as (
    select
        system_id,
        observed_on,
        count(*) as observations
    from distinct_observations
    group by system_id, observed_on
),

final as (
    select
        system_id,
        observed_on,
        observed.observations,
        days_in_doubt.observations_in_intervals
    from days_in_doubt
    left join observed using (system_id, observed_on)
    where observed.observations is distinct from days_in_doubt.observations_in_intervals
)

select * from final
