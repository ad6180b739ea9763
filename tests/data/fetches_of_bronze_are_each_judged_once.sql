-- The evidence of a finding leads through fct_feed_fetch to the raw body: a fetch that was lost or
-- doubled on the way would break that trail.
with fetches as (
    select fetch_id from {{ ref('stg_gbfs__fetch') }}
),

judged as (
    select
        fetch_id,
        count(*) as copies
    from {{ ref('fct_feed_fetch') }}
    group by fetch_id
),

final as (
    select
        fetches.fetch_id as fetch_id_taken_in,
        judged.fetch_id as fetch_id_judged,
        judged.copies
    from fetches
    full outer join judged on fetches.fetch_id = judged.fetch_id
    where judged.copies is distinct from 1 or fetches.fetch_id is null
)

select * from final
