"""The Bay Area's real trips of 2014, replayed into stations that are polled ever more seldom."""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson
import pytest

pytestmark = pytest.mark.real_data

SINCE = datetime.fromisoformat("2014-09-01")
EPOCH = datetime.fromisoformat("1970-01-01")
DAYS = 7
MINUTES = DAYS * 1440
EVERY_MINUTES = (1, 5, 10, 20, 60)
KEPT = {1: 0.96, 5: 0.85, 10: 0.77, 20: 0.67}
"""The share of departures that differences keep, by the minutes between polls: replaying the whole
year's trips minute by minute and comparing gives 0.955, 0.850, 0.771 and 0.673."""
TRUCK_BIKES = 20

Event = tuple[str, int, int]
"""Station, minute from the beginning, and bikes that come or, below 0, leave."""


@dataclass(frozen=True)
class Load:
    """Bikes that a truck took from a station to another one at once."""

    start: str
    end: str
    bikes: int
    loaded: int
    unloaded: int


@pytest.fixture(scope="module")
def babs(real_data) -> Path:
    return real_data / "babs_2014"


@pytest.fixture(scope="module")
def docks(babs) -> dict[str, int]:
    return {row["station_id"]: int(row["dock_count"]) for row in _rows(babs / "bastations.csv.gz")}


@pytest.fixture(scope="module")
def trips(babs, docks) -> list[Event]:
    events = []
    for row in _rows(babs / "batrips.csv.gz"):
        events += [
            (row["start_terminal"], _minute(row["start_date"]), -1),
            (row["end_terminal"], _minute(row["end_date"]), 1),
        ]
    return [event for event in events if 0 <= event[1] < MINUTES and event[0] in docks]


@pytest.fixture(scope="module")
def loads(babs, docks) -> list[Load]:
    """The known moves of single bikes, put together to loads.

    Of a move is known from where to where, and two moments between which it was made. Bikes whose
    times have a moment in common were moved together then, as few loads as can be.
    """
    waiting: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row in _rows(babs / "derived_rebalancing_truth.csv.gz"):
        window = (_minute(row["earliest_utc"]), _minute(row["latest_utc"]))
        start, end = row["from_terminal"], row["to_terminal"]
        if start in docks and end in docks and start != end and window[1] - window[0] >= 3:
            waiting[start, end].append(window)
    found = []
    for (start, end), windows in waiting.items():
        left = sorted(windows, key=lambda window: window[1])
        while left:
            last = left[0][1]
            together = [one for one in left if one[0] <= last - 3][:TRUCK_BIKES]
            first = max(one[0] for one in together)
            load = first + (last - first) // 3, first + 2 * (last - first) // 3
            found.append(Load(start, end, len(together), *load))
            left = [one for one in left if one not in together]
    return [one for one in found if one.loaded >= 0 and one.unloaded < MINUTES]


@pytest.fixture(scope="module")
def space(trips, loads, docks, new_workspace, tmp_path_factory) -> Any:
    """Systems of trips alone by the minutes between polls, and two of trips and loads."""
    home, folder = new_workspace("babs"), tmp_path_factory.mktemp("replayed")
    moves = [
        event
        for one in loads
        for event in ((one.start, one.loaded, -one.bikes), (one.end, one.unloaded, one.bikes))
    ]
    for name, events, every in [
        *((f"trips_{every}", trips, every) for every in EVERY_MINUTES),
        *((f"moved_{every}", trips + moves, every) for every in (1, 5)),
    ]:
        file = folder / f"{name}.jsonl"
        with file.open("wb") as lines:
            lines.writelines(_polls(events, docks, every))
        home.run(
            "import", "gbfs", "--system", name, "--feed", "station_status",
            "--timezone", "America/Los_Angeles", str(file),
        )  # fmt: skip
    home.build()
    return home


def _rows(file: Path) -> Iterable[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as text:
        yield from csv.DictReader(text)


def _minute(text: str) -> int:
    return int((datetime.fromisoformat(text) - SINCE).total_seconds() // 60)


def _polls(events: Iterable[Event], docks: dict[str, int], every: int) -> Iterator[bytes]:
    """Yield recorded polls; each shows what happened before its minute.

    A station begins with as many bikes as it needs never to run out, and has room for all.
    """
    changes: dict[int, Counter[str]] = defaultdict(Counter)
    series: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for station, minute, bikes in sorted(events, key=lambda event: event[1]):
        changes[minute][station] += bikes
        series[station].append((minute, bikes))
    bikes, room = {}, {}
    for station, count in docks.items():
        levels = list(accumulate((change for _, change in series[station]), initial=0))
        bikes[station] = -min(levels)
        room[station] = max(count, max(levels) - min(levels))
    for minute in range(MINUTES):
        if minute % every == 0:
            at = SINCE + timedelta(minutes=minute)
            stations = [
                {
                    "station_id": station,
                    "num_bikes_available": bikes[station],
                    "num_docks_available": room[station] - bikes[station],
                    "is_installed": 1,
                    "is_renting": 1,
                    "is_returning": 1,
                    "last_reported": int((at - EPOCH).total_seconds()),
                }
                for station in docks
            ]
            body = orjson.dumps(
                {
                    "last_updated": int((at - EPOCH).total_seconds()),
                    "ttl": 60,
                    "version": "1.1",
                    "data": {"stations": stations},
                }
            )
            line = {"fetched_at": f"{at.isoformat()}Z", "body": body.decode()}
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        for station, change in changes[minute].items():
            bikes[station] += change


@pytest.mark.parametrize("every", sorted(KEPT))
def test_differences_keep_the_known_share_and_calibration_makes_up_for_the_rest(
    space, trips, every
):
    rides = sum(bikes < 0 for _, _, bikes in trips)
    raw, calibrated, moved = space.ask(
        f"""select sum(dep_raw), sum(dep_cal), sum(moved_out)
        from fct_station_flow_15m where system_id = 'trips_{every}'"""
    )[0]
    assert (raw + moved) / rides == pytest.approx(KEPT[every], abs=0.02)
    assert calibrated / rides == pytest.approx(1, abs=0.06)


def test_nothing_is_told_of_polls_an_hour_apart(space):
    assert space.ask(
        "select sum(dep_raw), max(coverage_pct) from fct_station_flow_15m "
        "where system_id = 'trips_60'"
    ) == [(0, 0)]


@pytest.mark.parametrize(("every", "least"), [(1, 0.9), (5, 0.75)])
def test_loads_that_stand_out_are_found(space, loads, every, least):
    told = space.ask(
        f"""select station_id, delta, earliest_at, latest_at from fct_rebalancing_move
        where system_id = 'moved_{every}' and is_move"""
    )
    ends = [
        (station, bikes, SINCE + timedelta(minutes=minute))
        for one in loads
        for station, bikes, minute in (
            (one.start, -one.bikes, one.loaded),
            (one.end, one.bikes, one.unloaded),
        )
    ]
    # the first poll that can show a load is the one after its minute
    found = {
        (station, at): any(
            row[0] == station and row[1] * bikes > 0 and row[2] <= at < row[3] for row in told
        )
        for station, bikes, at in ends
    }
    right = sum(
        any(row[0] == station and row[1] * bikes > 0 and row[2] <= at < row[3]
            for station, bikes, at in ends if abs(bikes) >= 2)
        for row in told
    )  # fmt: skip
    large = [found[station, at] for station, bikes, at in ends if abs(bikes) >= 5]
    assert right / len(told) > 0.65
    assert sum(large) / len(large) >= least
