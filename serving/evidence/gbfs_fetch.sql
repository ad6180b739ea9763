-- The raw fetches that a row rests on, as `span` says: of some feeds those from one time to another
-- and the nearest beyond on either side; of others all; and the documents that answers 304 among them
-- stand for. `shown` is what the trail lists of a poll; of feeds of vehicles the body is kept with
-- their ids replaced, so that there is nothing to compare with the hash of what was received.
with feeds_in_time as (
    select
        fetches.fetch_id,
        fetches.feed,
        fetches.fetched_at at time zone 'UTC' as fetched_at,
        span.from_at,
        span.until_at
    from raw.gbfs_fetch as fetches
    inner join span
        on
            fetches.system_id = span.system_id
            and list_contains(span.feeds, fetches.feed)
),

neighbours as (
    select max_by(fetch_id, fetched_at) as fetch_id
    from feeds_in_time
    where fetched_at < from_at
    group by feed
    union all
    select min_by(fetch_id, fetched_at) as fetch_id
    from feeds_in_time
    where fetched_at > until_at
    group by feed
),

ends as (
    select min_by(fetch_id, fetched_at) as fetch_id
    from feeds_in_time
    group by feed
    union all
    select max_by(fetch_id, fetched_at) as fetch_id
    from feeds_in_time
    group by feed
),

wanted as (
    select fetch_id
    from feeds_in_time
    where fetched_at between from_at and until_at
    union
    select fetch_id from neighbours
    union
    select fetch_id from ends
),

polls as (
    select
        fetches.*,
        case
            when
                list_contains(span.feeds, fetches.feed)
                and fetches.fetched_at at time zone 'UTC'
                between span.shown_from and span.shown_until
                then {
                    'name': fetches.fetch_id, 'at': fetches.fetched_at,
                    'status': fetches.http_status, 'error': fetches.error,
                    'sha256': fetches.sha256,
                    'body': case
                        when fetches.feed not like '%vehicle%' and fetches.feed != 'free_bike_status'
                            then fetches.body
                    end,
                    'erased_at': fetches.erased_at
                }
        end as shown
    from raw.gbfs_fetch as fetches
    inner join span on fetches.system_id = span.system_id
    where
        fetches.fetch_id in (select fetch_id from wanted)
        or list_contains(span.whole_feeds, fetches.feed)
),

unchanged as (
    select
        feed,
        sha256
    from polls
    where http_status = 304
),

documents as (
    select
        fetches.*,
        null as shown
    from raw.gbfs_fetch as fetches
    inner join span on fetches.system_id = span.system_id
    where
        (fetches.feed, fetches.sha256) in (select (feed, sha256) from unchanged)
        and fetches.body is not null
        and fetches.fetch_id not in (select fetch_id from polls)
)

select * from polls
union all
select * from documents
