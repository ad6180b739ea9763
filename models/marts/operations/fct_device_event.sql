{{ config(materialized='incremental', unique_key='event_sk') }}

-- Recomputed: events that bronze took in anew, those whose station is another now (a number that
-- was not known, or went to another one), and those of systems that were not known before.
with systems as (
    select distinct system_id from {{ ref('dim_system') }}
),

named as (
    select
        system_id,
        station_id as station_ref,
        station_sk,
        valid_from,
        true as is_id
    from {{ ref('dim_station') }}
    union all
    select
        system_id,
        short_name as station_ref,
        station_sk,
        valid_from,
        false as is_id
    from {{ ref('dim_station') }}
    where short_name is not null
),

-- an id comes before a number, and of stations that bore a number the last one counts
ranked as (
    select
        *,
        row_number() over (
            partition by system_id, station_ref
            order by is_id desc, valid_from desc, station_sk asc
        ) as place
    from named
),

stations as (
    select
        system_id,
        station_ref,
        station_sk
    from ranked
    where place = 1
),

{% if is_incremental() -%}
told as (
    select
        system_id,
        station_ref,
        min(station_sk) as station_sk
    from {{ this }}
    group by system_id, station_ref
),
{%- endif %}

events as (
    select
        events.*,
        stations.station_sk,
        {{ seconds_between('events.occurred_at', 'events.received_at') }} as lateness_s
    from {{ ref('stg_events__device_event') }} as events
    inner join systems on events.system_id = systems.system_id
    left join stations
        on events.system_id = stations.system_id and events.station_ref = stations.station_ref
    {%- if is_incremental() %}
    left join told
        on
            events.system_id = told.system_id
            and events.station_ref is not distinct from told.station_ref
    where
        events.built_at > {{ seen_until() }}
        or told.system_id is null
        or told.station_sk is distinct from stations.station_sk
    {%- endif %}
),

final as (
    select
        event_sk,
        system_id,
        event_id,
        station_sk,
        device_kind,
        device_id,
        event_type,
        station_ref,
        vehicle_id,
        source,
        coalesce(lateness_s > {{ var('late_event_s') }}, false) as is_late,
        coalesce(lateness_s < -{{ var('clock_tolerance_s') }}, false) as is_clock_ahead,
        battery_percent,
        round(lat, {{ var('shown_decimals') }}) as lat,
        round(lon, {{ var('shown_decimals') }}) as lon,
        cast(lateness_s as double) as lateness_s,
        occurred_at,
        received_at,
        cast(occurred_at as date) as occurred_on,
        {{ built_at() }} as built_at
    from events
)

select * from final
