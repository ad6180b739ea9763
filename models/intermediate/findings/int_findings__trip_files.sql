-- What the rides of a trip file break, counted. The finding is of the day on which the file was
-- imported: some of its rides have no day of their own.
with breaches as (
    select * from {{ ref('int_trips__breaches') }}
),

files as (
    select * from {{ ref('int_trips__files') }}
),

counted as (
    select
        file_id,
        rule_id,
        count(*) as rides,
        min(line) as first_line,
        arg_min(evidence, line) as evidence
    from breaches
    group by file_id, rule_id
),

final as (
    select
        counted.rule_id,
        files.system_id,
        'file' as object_kind,
        files.file_name as object_id,
        cast(files.imported_at as date) as found_on,
        counted.rides as occurrences,
        cast(null as bigint) as polls,
        cast(null as varchar) as fetch_id,
        counted.rides || ' of ' || files.accepted || ' rides; line ' || counted.first_line
        || ': ' || counted.evidence as evidence,
        files.imported_at as first_found_at,
        files.imported_at as last_found_at
    from counted
    inner join files on counted.file_id = files.file_id
)

select * from final
