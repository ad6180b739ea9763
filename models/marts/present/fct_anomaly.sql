-- Made anew by every build, of the last days.
with detected as (
    select * from {{ ref('int_anomalies__docks') }}
    union all by name
    select * from {{ ref('int_anomalies__vehicles') }}
    union all by name
    select * from {{ ref('int_anomalies__senders') }}
    union all by name
    select * from {{ ref('int_anomalies__feeds') }}
    union all by name
    select * from {{ ref('int_anomalies__supply') }}
),

final as (
    select
        {{ surrogate_key([
            'detected.kind', 'detected.system_id', 'detected.object_id', 'detected.since'
        ]) }} as anomaly_id,
        detected.kind,
        detected.system_id,
        kinds.object_kind,
        detected.object_id,
        kinds.severity,
        kinds.owner,
        detected.evidence,
        detected.ended_at is null as is_open,
        detected.since,
        detected.ended_at
    from detected
    inner join {{ ref('anomaly_kinds') }} as kinds on detected.kind = kinds.kind
)

select * from final
