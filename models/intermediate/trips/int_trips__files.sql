-- Every file that has landed, with how its lines are to be understood. A corrected file bears the
-- name of the one that it replaces: of each name the file that was imported last is current.
with files as (
    select * from {{ ref('stg_trips__file') }}
),

families as (
    select * from {{ ref('trip_families') }}
),

systems as (
    select * from {{ ref('dim_system') }}
    where is_registered and is_current
),

final as (
    select
        files.file_id,
        files.system_id,
        files.file_name,
        files.origin,
        files.family,
        systems.timezone,
        families.day_first,
        families.duration_unit,
        files.received,
        files.accepted,
        files.quarantined,
        row_number() over (
            partition by files.system_id, files.file_name
            order by files.imported_at desc, files.file_id asc
        ) = 1 as is_current,
        files.imported_at
    from files
    inner join families on files.family = families.family
    inner join systems on files.system_id = systems.system_id
)

select * from final
