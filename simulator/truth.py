"""True times of stations without bikes or docks, from the city's own log, to the second."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from simulator.city import City
from simulator.docks import Counts
from simulator.log import Seconds
from simulator.moments import day_of, days_between, to_datetime, to_seconds
from simulator.states import StationStates

NEITHER, EMPTY, FULL = 0, 1, 2
NAMES: dict[int, Literal["empty", "full"]] = {EMPTY: "empty", FULL: "full"}


class Episode(NamedTuple):
    """A station without a bike ready (empty), or with one but without a free dock (full).

    It begins at ``started_at`` and is over at ``ended_at``.
    """

    station_id: str
    state: Literal["empty", "full"]
    started_at: datetime
    ended_at: datetime


class Shortage(NamedTuple):
    """A station without a bike ready (``bikes``), or without a free dock (``docks``)."""

    station_id: str
    supply: Literal["bikes", "docks"]
    started_at: datetime
    ended_at: datetime


def episodes(city: City, since: datetime, until: datetime) -> Iterator[Episode]:
    """Yield the episodes of a period, by station and time; those beyond its ends are cut there.

    Only stations with docks have episodes. A state that lasts less than a second is none.
    """
    begin, end = to_seconds(since), to_seconds(until)
    at, station, counts = _changes(city, begin, end)
    capacity = np.array([place.capacity for place in city.stations])
    states = _states(counts, capacity[station])
    for station_id, value, started_at, ended_at in _runs(city, at, station, states, end):
        state = NAMES.get(value)
        if state is not None:
            yield Episode(station_id, state, started_at, ended_at)


def shortages(city: City, since: datetime, until: datetime) -> Iterator[Shortage]:
    """Yield the shortages of a period, by supply, station and time; cut at its ends.

    A station can lack both at once. Only stations with docks have shortages.
    """
    begin, end = to_seconds(since), to_seconds(until)
    at, station, counts = _changes(city, begin, end)
    capacity = np.array([place.capacity for place in city.stations])
    lacking: dict[Literal["bikes", "docks"], npt.NDArray[np.int64]] = {
        "bikes": (counts[:, :2].sum(axis=1) == 0).astype(np.int64),
        "docks": (counts.sum(axis=1) == capacity[station]).astype(np.int64),
    }
    for supply, lacks in lacking.items():
        for station_id, value, started_at, ended_at in _runs(city, at, station, lacks, end):
            if value:
                yield Shortage(station_id, supply, started_at, ended_at)


def _runs(
    city: City, at: Seconds, station: npt.NDArray[np.int64], values: npt.NDArray[np.int64], end: int
) -> Iterator[tuple[str, int, datetime, datetime]]:
    """Yield for how long each station kept a value: its id, the value, from when, until when."""
    starts = np.flatnonzero(
        (np.diff(station, prepend=-1) != 0) | (np.diff(values, prepend=-1) != 0)
    )
    for start, after in zip(starts, [*starts[1:], None], strict=True):
        same = after is not None and station[after] == station[start]
        yield (
            city.stations[station[start]].station_id,
            int(values[start]),
            to_datetime(int(at[start])),
            to_datetime(int(at[after]) if same else end),
        )


def _changes(city: City, begin: int, end: int) -> tuple[Seconds, npt.NDArray[np.int64], Counts]:
    """Return second, station and counts of all changes of a period, by station and time.

    The first of each station is its state when the period begins. Of several changes in one
    second the last one counts.
    """
    opening = StationStates(city)
    opening.move_to(begin)
    many = len(city.stations)
    logs = [city.day(day) for day in days_between(day_of(begin), day_of(end - 1))]
    at = np.concatenate([np.full(many, begin), *(log.change_at for log in logs)])
    station = np.concatenate([np.arange(many), *(log.change_station for log in logs)])
    counts = np.concatenate([opening.counts, *(log.change_counts for log in logs)])
    inside = np.flatnonzero((at > begin) & (at < end) | (np.arange(len(at)) < many))
    order = inside[np.lexsort((at[inside], station[inside]))]
    at, station, counts = at[order], station[order], counts[order]
    last = (np.diff(at, append=-1) != 0) | (np.diff(station, append=-1) != 0)
    return at[last], station[last], counts[last]


def _states(counts: Counts, capacity: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    ready, docked = counts[:, :2].sum(axis=1), counts.sum(axis=1)
    return np.where(ready == 0, EMPTY, np.where(docked == capacity, FULL, NEITHER))
