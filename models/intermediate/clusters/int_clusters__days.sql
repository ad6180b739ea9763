-- The local days from a system's first to its last observation, and a number for the clusters that
-- it had: another number, other clusters.
with systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

spans as (
    select
        system_id,
        min(observed_on) as first_on,
        max(observed_on) as last_on
    from {{ ref('int_stations__days') }}
    group by system_id
),

service_days as (
    select
        spans.system_id,
        systems.timezone,
        cast(series.day as date) as service_on
    from spans
    inner join systems on spans.system_id = systems.system_id
    cross join lateral unnest(
        generate_series(
            cast(spans.first_on - 1 as timestamp), cast(spans.last_on + 1 as timestamp),
            interval 1 day
        )
    ) as series (day)
),

bounded as (
    select
        *,
        {{ local_midnight('service_on', 'timezone') }} as starts_at,
        {{ local_midnight('cast(service_on + 1 as date)', 'timezone') }} as ends_at
    from service_days
),

clusters as (
    select
        *
        replace (coalesce(valid_to, timestamp '9999-12-31') as valid_to)
    from {{ ref('int_clusters__versions') }}
),

final as (
    select
        bounded.system_id,
        bounded.service_on,
        bounded.timezone,
        coalesce(bit_xor({{ fingerprint([
            'bounded.timezone', 'clusters.cluster_sk', 'clusters.neighbours',
            'greatest(clusters.valid_from, bounded.starts_at)',
            'least(clusters.valid_to, bounded.ends_at)'
        ]) }}), 0) as clusters_number,
        bounded.starts_at,
        bounded.ends_at
    from bounded
    left join clusters
        on
            bounded.system_id = clusters.system_id
            and bounded.ends_at > clusters.valid_from
            and bounded.starts_at < clusters.valid_to
    group by
        bounded.system_id, bounded.service_on, bounded.timezone, bounded.starts_at,
        bounded.ends_at
)

select * from final
