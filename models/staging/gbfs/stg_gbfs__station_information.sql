{{ config(materialized='incremental') }}

with served_items as (
    {{ gbfs_items('station_information', 'stations') }}
),

read as (
    select
        *,
        json_extract(item, ['$.short_name', '$.name']) as names,
        json_extract_string(
            item,
            [
                '$.station_id', '$.region_id', '$.address', '$.post_code',
                '$.is_virtual_station', '$.parking_type', '$.lat', '$.lon', '$.capacity'
            ]
        ) as texts
    from served_items
),

final as (
    select
        content_id,
        cast(list_position as integer) as list_position,
        system_id,
        texts[1] as station_id,
        {{ gbfs_text('names[1]') }} as short_name,
        {{ gbfs_text('names[2]') }} as name,
        texts[2] as region_id,
        texts[3] as address,
        texts[4] as post_code,
        texts[6] as parking_type,
        {{ gbfs_boolean('texts[5]') }} as is_virtual,
        {{ finite('try_cast(texts[7] as double)') }} as lat,
        {{ finite('try_cast(texts[8] as double)') }} as lon,
        try_cast(texts[9] as integer) as capacity,
        item,
        {{ built_at() }} as built_at
    from read
)

select * from final
