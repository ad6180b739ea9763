-- Nothing is lost silently on landing: each line of an imported file was accepted, known already
-- or quarantined, and just one of these.
with files as (
    select * from {{ ref('stg_imports__file') }}
),

final as (
    select
        import_id,
        received,
        accepted,
        known,
        quarantined
    from files
    where received is distinct from accepted + known + quarantined
)

select * from final
