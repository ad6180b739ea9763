with fields as (
    select * from {{ ref('int_feeds__fields_seen') }}
),

-- hashed as JSON, because feeds choose these texts: no two rows can have one key
final as (
    select
        md5(cast(json_array(system_id, feed, version_declared, field, json_type) as varchar))
            as feed_field_sk,
        system_id,
        feed,
        version_declared,
        field,
        json_type,
        json_types_allowed,
        defined_in,
        is_in_version,
        is_in_any_version,
        is_type_allowed,
        is_required,
        polls,
        first_served_at,
        last_served_at
    from fields
)

select * from final
