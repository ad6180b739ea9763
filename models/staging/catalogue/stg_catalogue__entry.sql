-- The names of columns have changed over the years; what is empty is null.
with raw_entries as (
    select
        *,
        json_extract_string(
            entry,
            [
                '$."Country Code"', '$."Name"', '$."Location"', '$."URL"', '$."Auto-Discovery URL"',
                '$."Supported Versions"', '$."Authentication Info URL"', '$."Authentication Info"',
                '$."Authentication Type"'
            ]
        ) as texts
    from {{ source('catalogue', 'system_catalogue') }}
),

final as (
    select
        entry_id,
        catalogue_system_id as system_id,
        kind,
        position as list_position,
        {{ catalogue_text('texts[1]') }} as country_code,
        {{ catalogue_text('texts[2]') }} as system_name,
        {{ catalogue_text('texts[3]') }} as location_name,
        {{ catalogue_text('texts[4]') }} as website_url,
        {{ catalogue_text('texts[5]') }} as discovery_url,
        {{ catalogue_text('texts[6]') }} as versions_supported,
        coalesce({{ catalogue_text('texts[7]') }}, {{ catalogue_text('texts[8]') }})
            as auth_info_url,
        {{ catalogue_text('texts[9]') }} as auth_type,
        origin,
        cast(as_of at time zone 'UTC' as timestamp) as as_of
    from raw_entries
)

select * from final
