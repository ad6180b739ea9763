"""Rows to learn forecasts from hold what polls had said by then, and nothing later."""

from __future__ import annotations


def test_no_row_knows_more_than_the_polls_had_said_by_then(published):
    wrong, told = published.bronze(
        f"""
        attach '{published.home / "gold.duckdb"}' as built (read_only);
        with rows as (
            select * from built.gold.mart_ml_station_hour
            where vehicles_available is not null
        ),
        last_polls as (
            select
                rows.station_id,
                rows.as_of_at,
                max(polls.observed_at) as observed_at
            from rows
            inner join bronze.stg_gbfs__station_status as polls
                on
                    rows.system_id = polls.system_id
                    and rows.station_id = polls.station_id
                    and polls.observed_at <= rows.as_of_at
                    and polls.observed_at > rows.as_of_at - interval 1 hour
            group by all
        )
        select
            count(*) filter (where polls.vehicles_available <> rows.vehicles_available),
            count(*)
        from rows
        inner join last_polls using (station_id, as_of_at)
        inner join bronze.stg_gbfs__station_status as polls
            on
                last_polls.station_id = polls.station_id
                and last_polls.observed_at = polls.observed_at
        """
    )[0]
    assert told > 200
    assert wrong == 0


def test_what_came_of_an_hour_is_masked_where_it_would_mislead(published):
    ((rows, masked, told, sums),) = published.ask(
        """
        with flows as (
            select station_sk, date_trunc('hour', starts_at) as as_of_at, sum(dep_cal) as departures
            from fct_station_flow_15m
            group by all
        )
        select
            count(*),
            count(*) filter (where is_demand_censored and departures_next_60m is null),
            count(departures_next_60m),
            count(*) filter (where abs(departures_next_60m - departures) < 0.00001)
        from mart_ml_station_hour
        left join flows using (station_sk, as_of_at)
        """
    )
    assert rows > told > 100
    assert masked > 0
    assert sums == told


def test_plain_forecasts_are_scored(published):
    scores = published.ask("select predicted, wape, brier from mart_ml_baseline")
    assert {predicted for predicted, *_ in scores} == {"departures", "empty_within_60m"}
    assert all((wape is None) == (predicted != "departures") for predicted, wape, _ in scores)
