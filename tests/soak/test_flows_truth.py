"""Departures, arrivals and moves of trucks that the models infer, against the city's ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from simulator import City

SEED, STATIONS, DAYS = 11, 24, 4
STARTED_ON = date(2026, 5, 5)
EVERY_S = (60, 300, 600, 1200)
HOURLY = 3600
WITHIN = {60: 0.05, 300: 0.06, 600: 0.10, 1200: 0.18}
"""How far departures may be from the true ones, by the seconds between polls."""


@dataclass(frozen=True)
class Jump:
    """What a truck loaded (below 0) or put down at a station at once; UTC without a zone."""

    station_id: str
    vehicles: int
    at: datetime


@pytest.fixture(scope="module")
def city() -> City:
    return City(SEED, STARTED_ON, STATIONS, scooters=0)


@pytest.fixture(scope="module")
def space(city, record_city, new_workspace) -> Any:
    """One city four times: a system for each distance of its polls."""
    home = new_workspace("flows")
    for every_s in (*EVERY_S, HOURLY):
        home.land(system(every_s), record_city(city, DAYS, every_s))
    home.models("fct_station_flow_15m", "fct_rebalancing_move")
    return home


def system(every_s: int) -> str:
    return f"aurora_{every_s}"


def true_departures(city: City) -> Counter[str]:
    """Return how many rides began at each station."""
    return Counter(city.stations[trip.start].station_id for log in days(city) for trip in log.trips)


def days(city: City) -> list[Any]:
    return [city.day(date.fromordinal(STARTED_ON.toordinal() + number)) for number in range(DAYS)]


def true_jumps(city: City) -> list[Jump]:
    end = datetime.combine(STARTED_ON + timedelta(days=DAYS), datetime.min.time())
    jumps = []
    for log in days(city):
        for move in log.moves:
            jumps.append(_jump(city, move.start, -len(move.bikes), move.picked_up_at))
            jumps += [
                _jump(city, one.station, len(one.bikes), one.dropped_at) for one in move.drops
            ]
    return [jump for jump in jumps if jump.at < end]


def _jump(city: City, station: int, vehicles: int, at: int) -> Jump:
    moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    return Jump(city.stations[station].station_id, vehicles, moment)


@pytest.mark.parametrize("every_s", EVERY_S)
def test_calibrated_departures_are_near_the_true_ones(space, city, every_s):
    told = space.ask(
        f"""select sum(dep_raw), sum(dep_cal), sum(arr_cal), sum(cal_error)
        from fct_station_flow_15m where system_id = '{system(every_s)}'"""
    )
    raw, departures, arrivals, error = told[0]
    true = true_departures(city).total()
    ended = sum(trip.ended_at is not None for log in days(city) for trip in log.trips)
    assert raw < true
    assert abs(departures / true - 1) <= WITHIN[every_s]
    assert abs(arrivals / ended - 1) <= WITHIN[every_s]
    assert abs(departures - true) <= error


def test_the_rarer_the_polls_the_more_goes_unseen(space):
    seen = [
        row[0]
        for row in space.ask(
            "select sum(dep_raw) from fct_station_flow_15m group by system_id "
            "order by cast(split_part(system_id, '_', 2) as integer)"
        )
    ]
    assert sorted(seen, reverse=True) == seen


def test_departures_are_near_the_true_ones_at_each_station(space, city):
    true = true_departures(city)
    told = dict(
        space.ask(
            f"""select station_id, sum(dep_cal) from fct_station_flow_15m
            where system_id = '{system(60)}' group by all"""
        )
    )
    busy = {station: rides for station, rides in true.items() if rides >= 200}
    assert len(busy) > STATIONS / 2
    off = {station: told[station] / rides - 1 for station, rides in busy.items()}
    assert max(map(abs, off.values())) < 0.1


@pytest.mark.parametrize(("every_s", "least"), [(60, 0.85), (300, 0.85), (600, 0.85), (1200, 0.7)])
def test_moves_of_trucks_are_found(space, city, every_s, least):
    told = space.ask(
        f"""select station_id, delta, earliest_at, latest_at, is_move, p_rebalance
        from fct_rebalancing_move where system_id = '{system(every_s)}'"""
    )
    jumps = true_jumps(city)
    of_truck = {
        (station_id, earliest): any(
            jump.station_id == station_id
            and (jump.vehicles > 0) == (delta > 0)
            and earliest < jump.at <= latest
            for jump in jumps
        )
        for station_id, delta, earliest, latest, _, _ in told
    }
    moves = [row for row in told if row[4]]
    right = sum(of_truck[row[0], row[2]] for row in moves)
    found = sum(
        any(
            row[0] == jump.station_id
            and (row[1] > 0) == (jump.vehicles > 0)
            and row[2] < jump.at <= row[3]
            for row in moves
        )
        for jump in jumps
    )
    precision, recall = right / len(moves), found / len(jumps)
    brier = sum((row[5] - of_truck[row[0], row[2]]) ** 2 for row in told) / len(told)
    assert 2 * precision * recall / (precision + recall) >= least
    assert brier < 0.2


def test_what_trucks_moved_is_no_riders_flow(space, city):
    (moved_in, moved_out) = space.ask(
        f"""select sum(moved_in), sum(moved_out) from fct_station_flow_15m
        where system_id = '{system(60)}'"""
    )[0]
    jumps = true_jumps(city)
    into = sum(jump.vehicles for jump in jumps if jump.vehicles > 0)
    out = -sum(jump.vehicles for jump in jumps if jump.vehicles < 0)
    assert moved_in == pytest.approx(into, rel=0.1)
    assert moved_out == pytest.approx(out, rel=0.1)


def test_nothing_is_told_of_polls_an_hour_apart(space):
    told = space.ask(
        f"""select sum(dep_cal), sum(coverage_pct) from fct_station_flow_15m
        where system_id = '{system(HOURLY)}'"""
    )
    assert told == [(0, 0)]
