with raw_rows as (
    select * from {{ source('trips', 'trip_row') }}
),

final as (
    select
        file_id,
        line,
        system_id,
        family,
        {{ trip_text('ride_id') }} as ride_id,
        {{ trip_text('started_at') }} as started_at_text,
        {{ trip_text('ended_at') }} as ended_at_text,
        {{ trip_text('duration') }} as duration_text,
        {{ trip_text('start_station_id') }} as start_station_id,
        {{ trip_text('start_station_name') }} as start_station_name,
        {{ trip_text('start_lat') }} as start_lat_text,
        {{ trip_text('start_lng') }} as start_lng_text,
        {{ trip_text('end_station_id') }} as end_station_id,
        {{ trip_text('end_station_name') }} as end_station_name,
        {{ trip_text('end_lat') }} as end_lat_text,
        {{ trip_text('end_lng') }} as end_lng_text,
        {{ trip_text('bike_id') }} as bike_id,
        {{ trip_text('bike_type') }} as bike_type,
        {{ trip_text('rider_type') }} as rider_type
    from raw_rows
)

select * from final
