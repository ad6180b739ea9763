"""Oslo's real recording, judged and published: 2022 to 2025, two versions, one empty body."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def oslo(real_data, new_workspace):
    space = new_workspace("oslo")
    for feed in ("station_information", "station_status"):
        space.run(
            "import", "gbfs", "--system", "oslo", "--feed", feed, "--timezone", "Europe/Oslo",
            str(real_data / "oslo" / f"{feed}.jsonl.zst"),
        )  # fmt: skip
    space.build()
    return space


def test_every_poll_lands_once(oslo):
    count = oslo.bronze(
        "select count(*), count(distinct fetch_id) from bronze.stg_gbfs__fetch "
        "where feed = 'station_status'"
    )
    assert count == [(17_603, 17_603)]


def test_the_empty_body_is_recorded_as_such(oslo):
    rows = oslo.ask(
        "select fetched_on::varchar from fct_feed_fetch "
        "where outcome = 'empty_body' and feed = 'station_status'"
    )
    assert rows == [("2024-08-31",)]


def test_every_station_observation_is_in_bronze_and_in_an_interval(oslo):
    assert oslo.bronze("select count(*) from bronze.stg_gbfs__station_status") == [(4_594_368,)]
    assert oslo.ask("select sum(observations) from fct_station_state") == [(4_594_368,)]


def test_the_integer_booleans_under_2_2_are_findings(oslo):
    rows = dict(
        oslo.bronze(
            "select rule_id, sum(occurrences) from silver.int_findings__feed_days "
            "where object_id = 'station_status' group by 1"
        )
    )
    assert rows["R1"] == rows["R2"] == 2_572
    assert rows["R3"] == 1


def test_the_switch_to_2_3_is_seen_to_the_poll_and_to_the_day(oslo):
    polls = oslo.ask(
        "select version_declared, count(*), max(fetched_at)::varchar from fct_feed_fetch "
        "where feed = 'station_status' and is_usable group by 1 order by 1"
    )
    assert polls == [("2.2", 10_308, "2023-08-09 11:04:25"), ("2.3", 7_294, "2025-04-01 00:12:13")]
    days = oslo.ask(
        "select fetched_on::varchar from mart_feed_quality_day "
        "where feed = 'station_status' and versions_declared = '2.2, 2.3'"
    )
    assert days == [("2023-08-09",)]


def test_the_hole_of_373_days_is_a_gap_and_days_of_which_no_metric_speaks(oslo):
    holes = oslo.ask(
        "select kind, round(minutes / 1440, 1)::double from fct_feed_gap "
        "where feed = 'station_status' and minutes > 10 * 1440 order by minutes desc"
    )
    assert holes == [("unpolled", days) for days in (373.4, 121.0, 120.3, 17.8)]
    within = oslo.ask(
        "select count(*), sum(unpolled_minutes), sum(polls), count(uptime_pct) "
        "from mart_feed_quality_day where feed = 'station_status' "
        "and fetched_on between '2023-08-17' and '2024-08-22'"
    )
    assert within == [(372, 372 * 1440, 0, 0)]


def test_the_clock_change_gives_a_day_of_25_hours(oslo):
    rows = oslo.ask(
        "select distinct service_on::varchar from mart_station_day where day_minutes = 1500 "
        "order by 1"
    )
    assert ("2022-10-30",) in rows
    assert ("2024-10-27",) in rows
