"""Plans of faults: which kinds go wrong when, each far enough from the next to be told apart."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from simulator.faults.kinds import MANNERS, OF_SCOOTERS, Fault, FaultKind, Manner
from simulator.gbfs.dialect import FREE_BIKES, INFORMATION, STATUS
from simulator.log import Seconds
from simulator.moments import DAY_S, to_datetime, to_seconds

QUIET_START_S, QUIET_END_S = 3_600, 6 * 3_600
GRID_S = 600
"""Planned faults begin on whole ten minutes: any poll interval that divides them sees them."""

SEPARATION_S = {STATUS: 1_200, INFORMATION: 4_200, FREE_BIKES: 1_200}
"""Between two faults of a feed: enough for a poll that is right, and one an hour sees it too."""

MOVE_SHARE, MOVE_S = 0.7, 12 * 3_600
"""What lasts begins after so much of the plan, and so long before the plan's end."""

LEAST_DAYS = 14
SWITCH_S = 18 * 3_600
NOT_BY_DEFAULT = {FaultKind.ID_FORMAT_CHANGE, FaultKind.VERSION_SWITCH}


def default_faults(
    seed: int, since: datetime, until: datetime, *, has_scooters: bool = True
) -> tuple[Fault, ...]:
    """Plan one fault of as many kinds as fit into a period, in order of time.

    Two of one feed never overlap. The first hour and the last six are free of all but a station
    that has moved for good.
    """
    kinds = [kind for kind in _kinds(has_scooters) if kind not in NOT_BY_DEFAULT]
    calendar = _Calendar(seed, since, until, until)
    for kind in kinds:
        calendar.place(kind)
    return _numbered(calendar.faults)


def all_faults(
    seed: int, since: datetime, until: datetime, *, has_scooters: bool = True
) -> tuple[Fault, ...]:
    """Plan one fault of every kind, in order of time; the last is the switch of version.

    Raises:
        ValueError: the period is too short.
    """
    latest = to_seconds(until) - SWITCH_S - 12 * 3_600
    switch = to_datetime(latest - latest % DAY_S + 12 * 3_600)
    calendar = _Calendar(seed, since, switch, until)
    for kind in _kinds(has_scooters):
        if kind is not FaultKind.VERSION_SWITCH and not calendar.place(kind):
            raise ValueError(
                f"no room for {kind} between {since:%Y-%m-%d %H:%M} and {until:%Y-%m-%d %H:%M}: "
                f"give the plan at least {LEAST_DAYS} days"
            )
    manner = MANNERS[FaultKind.VERSION_SWITCH]
    last = Fault("", FaultKind.VERSION_SWITCH, manner.rule, manner.feed, switch, until)
    return _numbered([*calendar.faults, last])


def _kinds(has_scooters: bool) -> list[FaultKind]:
    """Return the kinds in the order in which they are placed: those that fit least first."""
    kinds = [kind for kind in FaultKind if has_scooters or kind not in OF_SCOOTERS]

    def ease(kind: FaultKind) -> tuple[bool, bool, int]:
        manner = MANNERS[kind]
        longest = manner.minutes[1] if manner.minutes else 0
        return manner.minutes is not None, manner.hour is None, -longest

    return sorted(kinds, key=ease)


def _numbered(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Return faults in order of time, with an id each."""
    ordered = sorted(faults, key=lambda fault: (fault.starts_at, fault.kind))
    return tuple(
        Fault(
            fault_id=f"fault-{number:02d}-{fault.kind}",
            kind=fault.kind,
            expected_rule=fault.expected_rule,
            feed=fault.feed,
            starts_at=fault.starts_at,
            ends_at=fault.ends_at,
        )
        for number, fault in enumerate(ordered, start=1)
    )


class _Calendar:
    """The faults placed so far, and what room is left beside them."""

    def __init__(self, seed: int, since: datetime, until: datetime, ends_at: datetime) -> None:
        """Start empty; what lasts goes on until ``ends_at``, all else ends before ``until``."""
        self.faults: list[Fault] = []
        self._rng = np.random.default_rng([seed, 1])
        self._since, self._ends_at = to_seconds(since), ends_at
        self._first = self._since + QUIET_START_S
        self._last = to_seconds(until) - QUIET_END_S
        self._taken: dict[str, list[tuple[int, int]]] = {feed: [] for feed in SEPARATION_S}

    def place(self, kind: FaultKind) -> bool:
        """Place a fault at a random moment of those that are free; tell whether there is one."""
        manner, seconds = MANNERS[kind], 0
        if manner.minutes is not None:
            seconds = 60 * int(self._rng.integers(*manner.minutes, endpoint=True))
        busy = (manner.feed, *manner.also, *manner.beside)
        feeds = [feed for feed in SEPARATION_S if feed in busy]
        starts = self._possible(manner, seconds)
        for feed in feeds:
            apart = SEPARATION_S[feed]
            for begin, end in self._taken[feed]:
                starts = starts[(starts + seconds + apart <= begin) | (starts >= end + apart)]
        if not len(starts):
            return False
        start = int(self._rng.choice(starts))
        starts_at = to_datetime(start)
        ends_at = starts_at + timedelta(seconds=seconds) if manner.minutes else self._ends_at
        self.faults.append(Fault("", kind, manner.rule, manner.feed, starts_at, ends_at))
        for feed in feeds:
            self._taken[feed].append((start, to_seconds(ends_at)))
        return True

    def _possible(self, manner: Manner, seconds: int) -> Seconds:
        """Return the seconds at which a kind of fault could start if there were no others."""
        if manner.minutes is None:
            opens = self._first + int(MOVE_SHARE * (self._last - self._first))
            closes = self._last + QUIET_END_S - MOVE_S
        else:
            opens = max(self._first, self._since + manner.first_day * DAY_S)
            closes = self._last - seconds
        starts = np.arange(-(-opens // GRID_S) * GRID_S, closes + 1, GRID_S, dtype=np.int64)
        return starts if manner.hour is None else starts[starts % DAY_S == 3_600 * manner.hour]
