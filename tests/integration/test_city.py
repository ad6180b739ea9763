"""The simulated city from feed to published marts, against what its ledger says is true."""

from __future__ import annotations

from collections import Counter

SYSTEM = "port_aurora"


def test_every_recorded_poll_and_every_attempt_over_http_is_one_row(published, city):
    lines = published.bronze("select sum(received), sum(accepted) from bronze.stg_imports__file")
    assert lines[0][0] == lines[0][1] > 0
    counted = dict(
        published.ask("select origin like 'import:%', count(*) from fct_feed_fetch group by 1")
    )
    assert counted[True] == lines[0][0]
    assert counted[False] == 3 * 5  # three polls of the index and four feeds


def test_importing_the_same_files_again_adds_nothing(published, city):
    before = published.bronze("select count(*) from bronze.stg_gbfs__fetch")
    said = published.import_history("station_information", *city.files["station_information"])
    assert " = 0 new + " in said
    published.build()
    assert published.bronze("select count(*) from bronze.stg_gbfs__fetch") == before


def test_every_planted_fault_is_found_by_the_rule_meant_for_it(published, city):
    assert {fault.expected_rule for fault in city.world.faults} == {"R1", "R2", "R3", "R4", "R5"}
    for fault in city.world.faults:
        found = published.ask(
            f"""select count(*) from fct_quality_finding
            where rule_id = '{fault.expected_rule}' and object_id = '{fault.feed}'
            and first_found_at < '{fault.ends_at:%Y-%m-%d %H:%M:%S}'
            and last_found_at >= '{fault.starts_at:%Y-%m-%d %H:%M:%S}'"""
        )
        assert found == [(1,)], fault


def test_polls_outside_the_faults_break_no_rule(published, city):
    breaches = published.bronze(
        "select rule_id, fetched_at from silver.int_findings__feed_breaches"
    )
    stray = [
        (rule, at)
        for rule, at in breaches
        if not any(
            # the poll after a wrong last_updated is the one that goes back
            fault.starts_at.replace(tzinfo=None) <= at
            and at.timestamp() <= fault.ends_at.replace(tzinfo=None).timestamp() + 60
            for fault in city.world.faults
        )
    ]
    assert stray == []


def test_state_intervals_hold_the_true_counts(published, city):
    """At any poll outside a fault, the interval in force says what the city's own log says."""
    world = city.world.city
    states = published.ask(
        "select station_id, epoch(last_observed_at), vehicles_available + vehicles_disabled, "
        "docks_available from fct_station_state order by hash(station_id || started_at) limit 400"
    )
    faults = [(f.starts_at.timestamp(), f.ends_at.timestamp()) for f in city.world.faults]
    compared = Counter()
    for station_id, at, bikes, docks in states:
        if any(start - 60 <= at <= end + 3600 for start, end in faults) or bikes is None:
            continue
        station = next(one for one in world.stations if one.station_id == station_id)
        compared[bikes + docks == station.capacity] += 1
    assert compared[True] > 200
    assert compared[False] == 0


def test_a_day_that_was_seen_whole_has_its_availability(published):
    rows = published.ask(
        "select coverage_pct, availability_pct, stations from mart_system_day order by service_on"
    )
    full = [row for row in rows if row[0] > 95]
    assert full
    assert all(0 < availability <= 100 and stations == 12 for _, availability, stations in full)
    assert all(availability is None for coverage, availability, _ in rows if coverage < 90)


def test_the_publication_says_what_it_is(published):
    rows = published.ask(
        "select generation, held, checks_passed, code_version from publication order by 1"
    )
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert all(held == "{}" and passed > 50 and version for _, held, passed, version in rows)


def test_a_build_again_says_that_nothing_is_new(published):
    said = published.build()
    rows = [line.split() for line in said.splitlines() if line.startswith(("data", "findings"))]
    assert len(rows) >= 8
    assert {row[-1] for row in rows} == {"–"}
