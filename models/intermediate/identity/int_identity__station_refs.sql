-- What trip files and operations databases call their stations, and from when until when. The name
-- and place of a reference are those under which it is used most.
with rides as (
    select rides.*
    from {{ ref('int_trips__rides') }} as rides
    inner join {{ ref('int_trips__files') }} as files on rides.file_id = files.file_id
    where files.is_current
),

uses as (
    select
        system_id,
        'trips' as used_in,
        {{ station_ref('start_station_id', 'start_station_name') }} as station_ref,
        start_station_name as station_name,
        start_lat as lat,
        start_lng as lon,
        started_at as used_at
    from rides
    union all
    select
        system_id,
        'trips' as used_in,
        {{ station_ref('end_station_id', 'end_station_name') }} as station_ref,
        end_station_name as station_name,
        end_lat as lat,
        end_lng as lon,
        ended_at as used_at
    from rides
    union all
    select
        system_id,
        'operations' as used_in,
        station_ref,
        cast(null as varchar) as station_name,
        cast(null as double) as lat,
        cast(null as double) as lon,
        moved_at as used_at
    from {{ ref('stg_ops__move') }}
    where not is_deleted
),

named as (
    select
        system_id,
        used_in,
        station_ref,
        coalesce(station_name, '') as station_name,
        count(*) as uses,
        min(used_at) as first_used_at,
        max(used_at) as last_used_at,
        median(lat) as lat,
        median(lon) as lon
    from uses
    where station_ref is not null
    group by system_id, used_in, station_ref, coalesce(station_name, '')
),

ranked as (
    select
        *,
        row_number() over (
            partition by system_id, used_in, station_ref
            order by uses desc, station_name asc
        ) as place
    from named
),

final as (
    select
        system_id,
        used_in,
        station_ref,
        max(case when place = 1 then nullif(station_name, '') end) as station_name,
        max(case when place = 1 then lat end) as lat,
        max(case when place = 1 then lon end) as lon,
        cast(sum(uses) as bigint) as uses,
        min(first_used_at) as first_used_at,
        max(last_used_at) as last_used_at
    from ranked
    group by system_id, used_in, station_ref
)

select * from final
