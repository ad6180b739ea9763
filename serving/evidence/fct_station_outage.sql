-- The raw fetches that an outage rests on: those of its system's station_status, from two days
-- before to two days after, within which all that its bounds depend on lies; and the documents that
-- answers 304 among them stand for. `shown` is what the trail lists of a poll.
with claim as (
    select
        *,
        coalesce(previous_observed_at, first_observed_at) as shown_from,
        coalesce(next_observed_at, last_observed_at) as shown_until
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
        between claim.shown_from - interval 2 day and claim.shown_until + interval 2 day
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
)

select * from polls
union all
select * from documents
