{{ config(materialized='incremental') }}

with raw_fetches as (
    select
        *,
        json_extract(body, ['$.data.name', '$.data.operator']) as names,
        json_extract_string(
            body, ['$.data.timezone', '$.data.language', '$.data.languages[0]', '$.data.url']
        ) as texts
    from {{ source('raw', 'gbfs_fetch') }}
    where {{ newly_fetched('system_information') }}
),

final as (
    select
        fetch_id,
        system_id,
        {{ gbfs_text('names[1]') }} as name,
        {{ gbfs_text('names[2]') }} as operator,
        texts[1] as timezone,
        coalesce(texts[2], texts[3]) as language,
        texts[4] as url,
        cast(fetched_at at time zone 'UTC' as timestamp) as observed_at,
        {{ built_at() }} as built_at
    from raw_fetches
)

select * from final
