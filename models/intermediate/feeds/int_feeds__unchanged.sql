{{ config(materialized='incremental', incremental_strategy='append') }}

-- An answer 304 says that the document is the one served before: the same bytes, so the same hash.
-- One that came before its document is looked at again by every build until that has landed.
with answers as (
    select
        fetch_id,
        system_id,
        feed,
        sha256
    from {{ ref('stg_gbfs__fetch') }}
    where
        http_status = 304
        and sha256 is not null
        {% if is_incremental() %}
        and fetch_id not in (select known.fetch_id from {{ this }} as known)
        {% endif %}
),

bodies as (
    select
        system_id,
        feed,
        sha256,
        min(fetch_id) as body_fetch_id
    from {{ ref('stg_gbfs__fetch') }}
    where
        is_json
        and sha256 in (select answers.sha256 from answers)
    group by system_id, feed, sha256
),

final as (
    select
        answers.fetch_id,
        bodies.body_fetch_id,
        {{ built_at() }} as built_at
    from answers
    inner join bodies
        on
            answers.system_id = bodies.system_id
            and answers.feed = bodies.feed
            and answers.sha256 = bodies.sha256
)

select * from final
