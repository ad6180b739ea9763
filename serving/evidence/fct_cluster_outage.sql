-- The raw fetches that an outage of a cluster rests on: those of its system's station_status, from
-- three days before to three days after, within which all that is known of its days lies; all of its
-- station_information, which tells the clusters; and the documents that answers 304 among the former
-- stand for. `shown` is what the trail lists of a poll.
with claim as (
    select
        *,
        started_at - to_seconds(2 * expected_interval_s) as shown_from,
        ended_at + to_seconds(2 * expected_interval_s) as shown_until
    from claimed
),

polls as (
    select
        fetches.*,
        case
            when
                fetches.fetched_at at time zone 'UTC'
                between claim.shown_from and claim.shown_until
                then {
                    'name': fetches.fetch_id, 'at': fetches.fetched_at,
                    'status': fetches.http_status, 'error': fetches.error,
                    'sha256': fetches.sha256, 'body': fetches.body
                }
        end as shown
    from raw.gbfs_fetch as fetches
    cross join claim
    where
        fetches.system_id = claim.system_id
        and fetches.feed = 'station_status'
        and fetches.fetched_at at time zone 'UTC'
        between claim.started_at - interval 3 day and claim.ended_at + interval 3 day
),

unchanged as (
    select sha256 from polls
    where http_status = 304
),

documents as (
    select
        fetches.*,
        null as shown
    from raw.gbfs_fetch as fetches
    cross join claim
    where
        fetches.system_id = claim.system_id
        and fetches.feed = 'station_status'
        and fetches.sha256 in (select sha256 from unchanged)
        and fetches.body is not null
        and fetches.fetch_id not in (select fetch_id from polls)
),

lists as (
    select
        fetches.*,
        null as shown
    from raw.gbfs_fetch as fetches
    cross join claim
    where
        fetches.system_id = claim.system_id
        and fetches.feed = 'station_information'
)

select * from polls
union all
select * from documents
union all
select * from lists
