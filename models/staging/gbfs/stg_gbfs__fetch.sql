{{ config(materialized='incremental') }}

-- The account of what has been taken in: the models over bodies parse just the fetches that stand
-- here, so that all of a build speaks of the same polls whatever lands meanwhile.
-- A body is a list of one, for DuckDB gathers up to 2,048 rows that a condition leaves, unless they
-- hold a list: read a row group at a time, as they are stored, bodies fit memory.
with documents as (
    select
        * exclude (body),
        [body] as bodies
    from {{ source('raw', 'gbfs_fetch') }}
),

raw_fetches as (
    select
        * exclude (bodies),
        -- null of what is no JSON: each body is parsed once
        try(json_extract(bodies[1], {{ gbfs_envelope_paths() }})) as envelope
    from documents
    where {{ newly_landed(source('raw', 'gbfs_fetch'), 'fetch_id', 'body_bytes') }}
),

-- without the data, of which only a fingerprint is kept: all of it would not fit memory
outlined as (
    select
        * exclude (envelope),
        envelope[1:3] as envelope,
        envelope is not null as is_json,
        case when envelope is not null then {{ gbfs_content_id('envelope[4]') }} end as content_id,
        {{ gbfs_first_item('envelope') }} as first_item
    from raw_fetches
),

numbered as (
    select
        *,
        row_number() over (partition by fetch_id order by landed_at) as copy_number
    from outlined
),

final as (
    select
        fetch_id,
        content_id,
        system_id,
        feed,
        url,
        origin,
        etag,
        sha256,
        error,
        is_json,
        json_extract_string(envelope[3], '$') as version_declared,
        json_type(envelope[1]) as last_updated_type,
        -- a document nested thousands deep would end the process
        case
            when length(first_item) <= {{ var('longest_item') }}
                then cast(json_structure(first_item) as varchar)
        end as item_shape,
        http_status,
        elapsed_ms,
        body_bytes,
        expected_interval_s,
        try_cast(json_extract_string(envelope[2], '$') as integer) as ttl_s,
        cast(requested_at at time zone 'UTC' as timestamp) as requested_at,
        cast(fetched_at at time zone 'UTC' as timestamp) as fetched_at,
        {{ gbfs_timestamp("json_extract_string(envelope[1], '$')") }} as last_updated_at,
        cast(landed_at at time zone 'UTC' as timestamp) as landed_at,
        {{ built_at() }} as built_at
    from numbered
    where copy_number = 1
)

select * from final
