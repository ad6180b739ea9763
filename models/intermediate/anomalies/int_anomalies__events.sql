{{ config(materialized='view') }}

-- The events of the last days. An event counts as it happened, or was received if that was before:
-- a clock that is ahead knows no better. The present is when the system's last event was received.
with events as (
    select
        *,
        least(occurred_at, received_at) as happened_at,
        coalesce(received_at, occurred_at) as told_at
    from {{ ref('fct_device_event') }}
),

presents as (
    select
        system_id,
        max(told_at) as as_of
    from events
    group by system_id
),

final as (
    select
        events.event_sk,
        events.system_id,
        events.device_kind,
        events.device_id,
        events.event_type,
        events.station_ref,
        events.is_late,
        events.is_clock_ahead,
        events.battery_percent,
        events.lat,
        events.lon,
        events.lateness_s,
        events.occurred_at,
        events.happened_at,
        events.told_at,
        presents.as_of
    from events
    inner join presents on events.system_id = presents.system_id
    where
        events.occurred_on >= cast(presents.as_of as date) - {{ var('anomaly_days') }}
        and events.happened_at >= presents.as_of - to_days({{ var('anomaly_days') }})
)

select * from final
