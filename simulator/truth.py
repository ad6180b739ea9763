"""True episodes of a station being empty or full, from the city's own log, to the second."""

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


def episodes(city: City, since: datetime, until: datetime) -> Iterator[Episode]:
    """Yield the episodes of a period, by station and time; those beyond its ends are cut there.

    Only stations with docks have episodes. A state that lasts less than a second is none.
    """
    begin, end = to_seconds(since), to_seconds(until)
    at, station, counts = _changes(city, begin, end)
    capacity = np.array([place.capacity for place in city.stations])
    states = _states(counts, capacity[station])
    starts = np.flatnonzero(
        (np.diff(station, prepend=-1) != 0) | (np.diff(states, prepend=-1) != 0)
    )
    for start, after in zip(starts, [*starts[1:], None], strict=True):
        state = NAMES.get(int(states[start]))
        if state is not None:
            same = after is not None and station[after] == station[start]
            yield Episode(
                city.stations[station[start]].station_id,
                state,
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
