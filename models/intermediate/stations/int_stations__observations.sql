{{ config(materialized='view') }}

-- A station can stand twice in a list, and two documents can bear the same moment: the first of
-- them counts. Only the few documents in doubt are sorted; sorting all took as long as all else.
with status as (
    select * from {{ ref('stg_gbfs__station_status') }}
    where station_id is not null
),

crowded_moments as (
    select
        system_id,
        fetched_at as observed_at
    from {{ ref('stg_gbfs__fetch') }}
    where feed = 'station_status' and is_json
    group by system_id, fetched_at
    having count(*) > 1
),

weighed as (
    select
        status.*,
        status.is_list_with_repeats or crowded_moments.system_id is not null as is_doubtful
    from status
    left join crowded_moments
        on
            status.system_id = crowded_moments.system_id
            and status.observed_at = crowded_moments.observed_at
),

numbered as (
    select
        *,
        row_number() over (
            partition by system_id, station_id, observed_at
            order by fetch_id, list_position
        ) as copy_number
    from weighed
    where is_doubtful
),

final as (
    select * from weighed
    where not is_doubtful
    union all
    select * exclude (copy_number) from numbered
    where copy_number = 1
)

select
    fetch_id,
    system_id,
    station_id,
    is_installed,
    is_renting,
    is_returning,
    vehicles_available,
    vehicles_disabled,
    docks_available,
    docks_disabled,
    vehicle_types_available,
    expected_interval_s,
    observed_at,
    observed_on,
    built_at
from final
