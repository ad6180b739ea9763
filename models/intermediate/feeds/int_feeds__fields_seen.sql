-- A feed has few shapes over its life: their members are told apart, not those of every document.
with shapes as (
    select
        system_id,
        feed,
        version_declared,
        item_shape,
        count(*) as polls,
        min(fetched_at) as first_served_at,
        max(fetched_at) as last_served_at
    from {{ ref('stg_gbfs__fetch') }}
    where item_shape is not null
    group by system_id, feed, version_declared, item_shape
),

members as (
    select
        * exclude (item_shape),
        unnest(json_keys(item_shape)) as field,
        unnest(json_extract(item_shape, '$.*')) as structure
    from shapes
),

typed as (
    select
        *,
        {{ structure_type('structure') }} as json_type
    from members
),

seen as (
    select
        system_id,
        feed,
        version_declared,
        field,
        json_type,
        cast(sum(polls) as bigint) as polls,
        min(first_served_at) as first_served_at,
        max(last_served_at) as last_served_at
    from typed
    group by system_id, feed, version_declared, field, json_type
),

fields as (
    select * from {{ ref('gbfs_fields') }}
),

versions_known as (
    select distinct version from fields
),

fields_known as (
    select
        feed,
        field,
        string_agg(version, ', ' order by version) as defined_in
    from fields
    group by feed, field
),

final as (
    select
        seen.system_id,
        seen.feed,
        seen.version_declared,
        seen.field,
        seen.json_type,
        fields.json_types as json_types_allowed,
        case when versions_known.version is not null then fields.field is not null end
            as is_in_version,
        fields_known.field is not null as is_in_any_version,
        case
            when fields.field is not null
                then contains(
                        ' or ' || fields.json_types || ' or ', ' or ' || seen.json_type || ' or '
                    )
        end as is_type_allowed,
        coalesce(fields.is_required, false) as is_required,
        fields_known.defined_in,
        seen.polls,
        seen.first_served_at,
        seen.last_served_at
    from seen
    left join versions_known on coalesce(seen.version_declared, '1.0') = versions_known.version
    left join fields
        on
            seen.feed = fields.feed
            and coalesce(seen.version_declared, '1.0') = fields.version
            and seen.field = fields.field
    left join fields_known
        on
            seen.feed = fields_known.feed
            and seen.field = fields_known.field
)

select * from final
