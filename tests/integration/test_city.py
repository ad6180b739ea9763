"""The simulated city from feed to published marts: every poll counts once, every day has its sums.

What is published is held against the truth in `test_truth.py`.
"""

from __future__ import annotations

import pytest

FEEDS = 13  # twelve and their index


def test_every_recorded_poll_and_every_attempt_over_http_is_one_row(published):
    lines = published.bronze(
        "select sum(received), sum(accepted) from bronze.stg_imports__file "
        "where scope like 'gbfs:%'"
    )
    assert lines[0][0] == lines[0][1] > 0
    counted = dict(
        published.ask("select origin like 'import:%', count(*) from fct_feed_fetch group by 1")
    )
    assert counted[True] == lines[0][0]
    assert counted[False] == 3 * FEEDS


def test_importing_the_same_files_again_adds_nothing(published, city):
    before = published.bronze("select count(*) from bronze.stg_gbfs__fetch")
    said = published.import_history("station_information", *city.files["station_information"])
    assert " = 0 new + " in said
    published.models("stg_gbfs__fetch")
    assert published.bronze("select count(*) from bronze.stg_gbfs__fetch") == before


@pytest.mark.parametrize("mart", ["mart_station_day", "mart_system_day"])
def test_days_have_an_availability_where_they_were_seen_well_enough(published, mart):
    days = published.ask(f"select coverage_pct >= 90, availability_pct from {mart}")
    assert all((availability is not None) == is_seen for is_seen, availability in days)
    assert all(0 <= availability <= 100 for is_seen, availability in days if is_seen)
    assert mart == "mart_system_day" or {True, False} == {is_seen for is_seen, _ in days}


def test_a_day_has_all_stations(published, city):
    there = len(city.world.city.stations) + len(city.world.city.hubs)
    assert published.ask(f"select 1 from mart_system_day where stations < {there}") == []
