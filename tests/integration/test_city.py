"""The simulated city from feed to published marts: every poll counts once, every day has its sums.

What is published is held against the truth in `test_truth.py`.
"""

from __future__ import annotations

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
    published.build()
    assert published.bronze("select count(*) from bronze.stg_gbfs__fetch") == before


def test_a_day_that_was_seen_whole_has_its_availability(published, city):
    there = len(city.world.city.stations) + len(city.world.city.hubs)
    rows = published.ask(
        "select coverage_pct, availability_pct, stations from mart_system_day order by service_on"
    )
    full = [row for row in rows if row[0] > 95]
    assert full
    assert all(0 < availability <= 100 for _, availability, _ in full)
    assert all(stations >= there for _, _, stations in full)
    assert all(availability is None for coverage, availability, _ in rows if coverage < 90)
