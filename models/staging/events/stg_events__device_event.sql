{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='event_sk',
    )
}}

-- Recomputed: the events of which something landed. Of the deliveries of an event the one that was
-- received first counts, whenever it landed.
with landed as (
    select
        {{ surrogate_key(['system_id', 'event_id']) }} as event_sk,
        event_id,
        system_id,
        delivery_id,
        device_kind,
        device_id,
        event_type,
        station_ref,
        vehicle_id,
        attributes,
        {{ event_number('attributes', 'battery_percent', 0, 100) }} as battery_percent,
        {{ event_number('attributes', 'lat', -90, 90) }} as lat,
        {{ event_number('attributes', 'lon', -180, 180) }} as lon,
        source,
        source_position,
        cast(occurred_at at time zone 'UTC' as timestamp) as occurred_at,
        cast(received_at at time zone 'UTC' as timestamp) as received_at,
        cast(landed_at at time zone 'UTC' as timestamp) as landed_at,
        {{ built_at() }} as built_at
    from {{ source('events', 'device_event') }}
    where {{ newly_landed(source('events', 'device_event'), 'delivery_id') }}
),

deliveries as (
    select
        *,
        true as is_new
    from landed
    {%- if is_incremental() %}
    union all
    select
        *,
        false as is_new
    from {{ this }}
    where event_sk in (select landed.event_sk from landed)
    {%- endif %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by event_sk
            order by
                received_at nulls last, delivery_id, landed_at, source, source_position, is_new
        ) as place
    from deliveries
),

final as (
    select
        event_sk,
        event_id,
        system_id,
        delivery_id,
        device_kind,
        device_id,
        event_type,
        station_ref,
        vehicle_id,
        attributes,
        battery_percent,
        lat,
        lon,
        source,
        source_position,
        occurred_at,
        received_at,
        landed_at,
        built_at
    from ranked
    where place = 1 and is_new
)

select * from final
