-- Of imported files the last import of a name counts. A geofence is a version for as long as the
-- feed says the same of it in the same place of its list, which tells what counts where zones
-- overlap; of imported zones, what forbids counts first.
with imports as (
    select
        *,
        dense_rank() over (
            partition by system_id, file_name
            order by imported_at desc, import_id desc
        ) as recency
    from {{ ref('stg_zones__zone') }}
),

imported as (
    select
        system_id,
        'import' as zone_source,
        kind,
        name as zone_name,
        polygons,
        case kind when 'no_ride' then 1 when 'no_parking' then 2 when 'service_area' then 3 end
            as priority,
        coalesce(valid_from, timestamp '1970-01-01') as valid_from,
        valid_to
    from imports
    where recency = 1
),

runs as (
    select * from {{ ref('int_feeds__content_runs') }}
    where feed = 'geofencing_zones'
),

rules as (
    select
        content_id,
        list_position,
        name,
        {{ json_text(gbfs_polygons('geometry')) }} as polygons,
        {{ gbfs_boolean(
            "coalesce(json_extract_string(rules, '$[0].ride_end_allowed'),"
            ~ " json_extract_string(rules, '$[0].ride_allowed'), 'true')"
        ) }} as is_end_allowed,
        {{ gbfs_boolean(
            "coalesce(json_extract_string(rules, '$[0].ride_through_allowed'), 'true')"
        ) }} as is_through_allowed,
        starts_at,
        ends_at
    from {{ ref('stg_gbfs__geofencing_zone') }}
    where zone_kind = 'zone'
),

listed as (
    select
        runs.system_id,
        runs.run_number,
        runs.first_seen_at,
        runs.followed_at,
        rules.*,
        case
            when not rules.is_through_allowed then 'no_ride'
            when not rules.is_end_allowed then 'no_parking'
            else 'service_area'
        end as kind,
        {{ fingerprint([
            'rules.list_position', 'rules.name', 'rules.polygons', 'rules.is_end_allowed',
            'rules.is_through_allowed', 'rules.starts_at', 'rules.ends_at'
        ]) }} as zone_number
    from runs
    inner join rules on runs.content_id = rules.content_id
),

grouped as (
    select
        *,
        run_number - row_number() over (
            partition by system_id, zone_number
            order by run_number
        ) as stretch
    from listed
),

geofences as (
    select
        system_id,
        'gbfs' as zone_source,
        kind,
        coalesce(name, '') as zone_name,
        polygons,
        list_position as priority,
        greatest(min(first_seen_at), coalesce(starts_at, min(first_seen_at))) as valid_from,
        least(
            coalesce(arg_max_null(followed_at, run_number), ends_at),
            coalesce(ends_at, arg_max_null(followed_at, run_number))
        ) as valid_to
    from grouped
    group by
        system_id, zone_number, stretch, kind, name, polygons, list_position, starts_at, ends_at
),

zones as (
    select * from imported
    union all by name
    select * from geofences
),

-- an outline with a gap in it encloses nothing
named as (
    select
        *,
        {{ surrogate_key([
            'system_id', 'zone_source', 'kind', 'zone_name', 'md5(polygons)', 'priority', 'valid_from'
        ]) }} as zone_sk
    from zones
    where
        polygons is not null
        and polygons not like '%null%'
        and polygons <> '[]'
        and coalesce(valid_from < valid_to, true)
),

final as (
    select
        zone_sk,
        system_id,
        zone_source,
        kind,
        zone_name,
        cast(any_value(priority) as integer) as priority,
        md5(polygons) as geometry_hash,
        polygons,
        valid_from,
        case when count(valid_to) = count(*) then max(valid_to) end as valid_to
    from named
    group by zone_sk, system_id, zone_source, kind, zone_name, polygons, valid_from
)

select * from final
