{{ config(materialized='view') }}

-- What the account of polls, the findings and the stays already tell, as something that begins and
-- ends. What is still so at the last poll has not ended.
with fetches as (
    select
        *,
        max(fetched_at) over (partition by system_id, feed) as polled_until
    from {{ ref('fct_feed_fetch') }}
    where {{ within_last_days(ref('fct_feed_fetch'), 'fetched_on', var('anomaly_days')) }}
),

presents as (
    select
        system_id,
        max(fetched_at) as as_of
    from fetches
    group by system_id
),

polled as (
    select distinct
        system_id,
        feed,
        polled_until
    from fetches
),

labels as (
    select
        fetch_id,
        system_id,
        feed,
        fetched_at,
        coalesce(version_declared, 'none') || ' (served ' || major_version_detected || '.x)'
            as version_seen
    from fetches
    where is_usable and major_version_detected is not null
),

first_labels as (
    select
        *,
        first_value(version_seen) over (
            partition by system_id, feed order by fetched_at, fetch_id
        ) as version_before
    from labels
),

versions as (
    select
        *,
        count(case when version_seen = version_before then 1 end) over in_order as run_number,
        lead(fetched_at) over in_order as next_at
    from first_labels
    window in_order as (
        partition by system_id, feed
        order by fetched_at, fetch_id
        rows between unbounded preceding and current row
    )
),

-- it is over when the feed speaks as it did before
switches as (
    select
        'version_switch' as kind,
        system_id,
        feed as object_id,
        min(version_before) || ' until then, ' || min(version_seen) || ' since' as evidence,
        min(fetched_at) as since,
        case when count(next_at) = count(*) then max(next_at) end as ended_at
    from versions
    where version_seen <> version_before
    group by system_id, feed, run_number
),

clocks as (
    select
        *,
        age_s < -{{ var('clock_tolerance_s') }} as is_ahead,
        count(case when age_s >= -{{ var('clock_tolerance_s') }} then 1 end) over in_order
            as run_number,
        lead(fetched_at) over in_order as next_at
    from fetches
    where age_s is not null
    window in_order as (
        partition by system_id, feed
        order by fetched_at, fetch_id
        rows between unbounded preceding and current row
    )
),

skews as (
    select
        'feed_clock_skew' as kind,
        system_id,
        feed as object_id,
        'last_updated is up to ' || cast(round(max(-age_s)) as bigint) || ' s ahead' as evidence,
        min(fetched_at) as since,
        case when count(next_at) = count(*) then max(next_at) end as ended_at
    from clocks
    where is_ahead
    group by system_id, feed, run_number
),

freezes as (
    select
        'system_freeze' as kind,
        gaps.system_id,
        gaps.feed as object_id,
        gaps.reason as evidence,
        gaps.started_at as since,
        case when gaps.ended_at < polled.polled_until then gaps.ended_at end as ended_at
    from {{ ref('fct_feed_gap') }} as gaps
    inner join polled on gaps.system_id = polled.system_id and gaps.feed = polled.feed
    where gaps.kind = 'frozen'
),

found as (
    select
        case rule_id when 'R13' then 'mass_listing_change' else 'stuck_sensor' end as kind,
        system_id,
        object_id,
        arg_max(evidence, found_on) as evidence,
        first_found_at as since,
        max(last_found_at) as last_found_at
    from {{ ref('fct_quality_finding') }}
    where rule_id in ('R13', 'R24')
    group by rule_id, system_id, object_id, first_found_at
),

-- lists change at a moment; what stands still does so up to the last poll
findings as (
    select
        found.kind,
        found.system_id,
        found.object_id,
        found.evidence,
        found.since,
        case
            when
                found.kind = 'mass_listing_change'
                or found.last_found_at < polled.polled_until
                then found.last_found_at
        end as ended_at
    from found
    inner join polled
        on found.system_id = polled.system_id and polled.feed = 'station_status'
),

exits as (
    select
        'geofence_exit' as kind,
        system_id,
        vehicle_id as object_id,
        'stands where none may (' || breach_kind || ')' as evidence,
        breach_first_seen_at as since,
        case
            when ended_by <> 'still_there' or breach_last_seen_at < last_seen_at
                then breach_last_seen_at
        end as ended_at
    from {{ ref('fct_vehicle_stay') }}
    where breach_kind is not null
),

united as (
    select * from switches
    union all by name
    select * from skews
    union all by name
    select * from freezes
    union all by name
    select * from findings
    union all by name
    select * from exits
),

final as (
    select united.*
    from united
    inner join presents on united.system_id = presents.system_id
    where
        coalesce(united.ended_at, presents.as_of)
        >= presents.as_of - to_days({{ var('anomaly_days') }})
)

select * from final
