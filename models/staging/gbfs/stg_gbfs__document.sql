{{ config(materialized='view') }}

-- For those who read documents as a whole: name the fetches, or every body is read.
with raw_fetches as (
    select * from {{ source('raw', 'gbfs_fetch') }}
),

final as (
    select
        fetch_id,
        system_id,
        feed,
        body,
        landed_on
    from raw_fetches
)

select * from final
