"""A month in which nothing goes wrong: no rule is broken, and no outage is told that was not."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest

from simulator import City

SYSTEM = "port_aurora"
SEED, STATIONS, DAYS, EVERY_S = 7, 120, 30, 60
STARTED_ON = date(2026, 10, 5)  # clocks are put back on the 25th
STATUS = "station_status"


@pytest.fixture(scope="module")
def recorded(record_city):
    return record_city(City(SEED, STARTED_ON, STATIONS), DAYS, EVERY_S)


@pytest.fixture(scope="module")
def month(recorded, new_workspace):
    space = new_workspace("month")
    space.land(SYSTEM, recorded)
    space.build()
    return space


def test_the_whole_month_is_seen(month, recorded):
    docked = "', '".join(station.station_id for station in recorded.city.stations)
    seen = month.ask(
        f"select count(*), sum(observations) from fct_station_state "
        f"where station_id in ('{docked}')"
    )
    assert seen[0][1] == STATIONS * DAYS * 86_400 // EVERY_S
    days = month.ask("select coverage_pct from mart_system_day order by service_on")
    assert all(coverage == pytest.approx(100) for (coverage,) in days[1:-1])


def test_no_rule_is_broken(month):
    assert month.ask("select * from fct_quality_finding order by rule_id, found_on") == []
    assert month.ask("select * from fct_feed_gap order by started_at") == []


def test_no_station_changes(month, recorded):
    versions = month.ask("select change_reason, count(*), sum(flaps) from dim_station group by 1")
    assert versions == [("open", STATIONS + len(recorded.city.hubs), 0)]


def test_every_outage_told_is_true_and_within_its_bounds(month, recorded, true_outages):
    true = true_outages(recorded, recorded.polls(STATUS))
    told = month.ask(
        "select station_id, state, observations, minutes_lo, minutes_hi, first_observed_at, "
        "last_observed_at from fct_station_outage"
    )
    docked = {station.station_id for station in recorded.city.stations}
    assert {state for _, state, *_ in told} == {"empty", "full"}
    wrong, matched = [], set()
    for station, state, observations, lo, hi, first, last in told:
        if station not in docked:
            continue  # a hub's scooters are their own story
        episode = true.at(station, state, first)
        if episode is None:
            wrong.append((station, state, first, last))
            continue
        minutes = (episode.ended_at - episode.started_at) / timedelta(minutes=1)
        if not lo <= minutes <= (math.inf if hi is None else hi):
            wrong.append((station, state, lo, minutes, hi))
        if observations == true.polls_in(episode):
            matched.add(episode)
    assert wrong == []
    assert matched == set(true)
    assert len(matched) > 10_000
