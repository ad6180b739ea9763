{{ config(materialized='incremental') }}

-- Up to 2.3 the feeds stand under languages (`data.en.feeds`), from 3.0 on under `data.feeds`:
-- the data itself is looked at as if it were one more language, without a name.
with raw_documents as (
    select
        system_id,
        {{ gbfs_content_id("json_extract(body, '$.data')") }} as content_id,
        list_prepend(null, json_keys(body, '$.data')) as languages,
        list_prepend(json_extract(body, '$.data'), json_extract(body, '$.data.*')) as listings
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_served('gbfs') }}
),

by_language as (
    select
        content_id,
        system_id,
        unnest(languages) as language,
        from_json(unnest(listings), '{"feeds": ["JSON"]}').feeds as feeds,
        generate_subscripts(listings, 1) as language_position
    from raw_documents
),

unnested as (
    select
        content_id,
        system_id,
        language,
        language_position,
        unnest(feeds) as item,
        generate_subscripts(feeds, 1) as feed_position
    from by_language
),

read as (
    select
        *,
        from_json(item, '{"name": "VARCHAR", "url": "VARCHAR"}') as served,
        row_number() over (
            partition by content_id
            order by language_position, feed_position
        ) as list_position
    from unnested
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        language,
        served.name as name,
        served.url as url,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
