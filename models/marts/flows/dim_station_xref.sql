-- Which station is meant by the id that a trip file or an operations database writes. Ways to tell
-- are tried from the surest on; a station far from the place that the file gives is none. Where
-- two stations bore an id one after the other, the second takes over when it first did.
with refs as (
    select
        *,
        {{ id_key('station_ref') }} as ref_key,
        {{ name_key('station_name') }} as name_key
    from {{ ref('int_identity__station_refs') }}
),

stations as (
    select
        *,
        {{ id_key('station_id') }} as id_key,
        {{ id_key('short_name') }} as short_name_key,
        {{ name_key('station_name') }} as name_key
    from {{ ref('dim_station') }}
),

methods as (
    select * from {{ ref('station_match_methods') }}
),

-- one join by equality for each way
alike as (
    select
        'same_id' as match_method,
        refs.system_id,
        refs.used_in,
        refs.station_ref,
        stations.station_version_sk
    from refs
    inner join stations
        on refs.system_id = stations.system_id and refs.station_ref = stations.station_id
    union all
    select
        'short_name' as match_method,
        refs.system_id,
        refs.used_in,
        refs.station_ref,
        stations.station_version_sk
    from refs
    inner join stations
        on refs.system_id = stations.system_id and refs.station_ref = stations.short_name
    union all
    select
        'legacy_id' as match_method,
        refs.system_id,
        refs.used_in,
        refs.station_ref,
        stations.station_version_sk
    from refs
    inner join stations
        on
            refs.system_id = stations.system_id
            and refs.ref_key in (stations.id_key, stations.short_name_key)
    union all
    select
        case when refs.lat is null then 'name' else 'geo_name' end as match_method,
        refs.system_id,
        refs.used_in,
        refs.station_ref,
        stations.station_version_sk
    from refs
    inner join stations
        on refs.system_id = stations.system_id and refs.name_key = stations.name_key
    union all
    select
        'geo' as match_method,
        refs.system_id,
        refs.used_in,
        refs.station_ref,
        stations.station_version_sk
    from refs
    inner join stations
        on
            refs.system_id = stations.system_id
            and stations.lat between refs.lat - 0.001 and refs.lat + 0.001
),

measured as (
    select
        alike.match_method,
        methods.confidence,
        methods.within_m,
        refs.system_id,
        refs.used_in,
        refs.station_ref,
        refs.station_name,
        refs.uses,
        refs.first_used_at,
        refs.last_used_at,
        stations.station_sk,
        stations.valid_from as station_valid_from,
        {{ metres_between('refs.lat', 'refs.lon', 'stations.lat', 'stations.lon') }} as distance_m
    from alike
    inner join methods on alike.match_method = methods.match_method
    inner join refs
        on
            alike.system_id = refs.system_id
            and alike.used_in = refs.used_in
            and alike.station_ref = refs.station_ref
    inner join stations on alike.station_version_sk = stations.station_version_sk
),

matched as (
    select
        match_method,
        confidence,
        system_id,
        used_in,
        station_ref,
        station_sk,
        any_value(station_name) as station_name,
        any_value(uses) as uses,
        any_value(first_used_at) as first_used_at,
        any_value(last_used_at) as last_used_at,
        min(distance_m) as distance_m,
        min(station_valid_from) as borne_from
    from measured
    where distance_m <= within_m or (distance_m is null and match_method <> 'geo')
    group by match_method, confidence, system_id, used_in, station_ref, station_sk
),

best as (
    select
        *,
        max(confidence) over (partition by system_id, used_in, station_ref) as best_confidence,
        min(distance_m) over (
            partition by system_id, used_in, station_ref, match_method
        ) as least_distance_m
    from matched
),

-- the surest way; of stations that only lie near, the nearest
chosen as (
    select
        *,
        row_number() over in_order as place,
        lead(borne_from) over in_order as next_borne_from
    from best
    where
        confidence = best_confidence
        and (match_method not in ('geo', 'geo_name') or distance_m = least_distance_m)
    window in_order as (
        partition by system_id, used_in, station_ref
        order by borne_from, station_sk
    )
),

final as (
    select
        {{ surrogate_key(['system_id', 'used_in', 'station_ref', 'place']) }} as station_xref_sk,
        station_sk,
        system_id,
        used_in,
        station_ref,
        station_name as used_name,
        match_method,
        cast(confidence as double) as confidence,
        distance_m,
        uses,
        case when place = 1 then first_used_at else borne_from end as valid_from,
        next_borne_from as valid_to,
        last_used_at
    from chosen
)

select * from final
