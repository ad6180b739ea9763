"""The state of all stations and all scooters at a moment; moving forward in time is cheap."""

from bisect import bisect_right

import numpy as np

from simulator.city import HEARTBEAT_S, City
from simulator.docks import Counts
from simulator.log import DayLog, ScooterState, Seconds
from simulator.moments import day_of, midnight


class StationStates:
    """The state of all stations with docks.

    Attributes:
        counts: (S, 3) classic and electric bikes ready, bikes disabled.
        reported_at: (S,) second of each station's last change or heartbeat. Together with the
            station it determines the counts, so that what is made of them can be kept.
    """

    def __init__(self, city: City) -> None:
        """Stand at the beginning of the city."""
        self._city = city
        self._at = midnight(city.started_on)
        self._done = 0
        self._open(city.day(city.started_on))
        self.move_to(self._at)

    def move_to(self, at: int) -> None:
        """Go to a second, changes in that very second included."""
        if at < self._at or day_of(at) != self._log.day:
            self._open(self._city.day(day_of(at)))
        log, done = self._log, int(np.searchsorted(self._log.change_at, at, side="right"))
        stations = log.change_station[self._done : done]
        self.counts[stations] = log.change_counts[self._done : done]
        self._changed_at[stations] = log.change_at[self._done : done]
        self._done = done
        heartbeat = at - (at - self._city.heartbeat_phase) % HEARTBEAT_S
        self.reported_at: Seconds = np.maximum(self._changed_at, heartbeat)
        self._at = at

    def _open(self, log: DayLog) -> None:
        self._log, self._done = log, 0
        self.counts: Counts = log.opening.copy()
        self._changed_at: Seconds = log.opening_changed_at.copy()


class ScooterStates:
    """The state of all scooters.

    Attributes:
        states: the state of each scooter, by index.
    """

    def __init__(self, city: City) -> None:
        """Stand at the beginning of the city."""
        self._city = city
        self._at = midnight(city.started_on)
        self._done = 0
        self._open(city.day(city.started_on))
        self.move_to(self._at)

    def move_to(self, at: int) -> bool:
        """Go to a second, changes in that very second included; tell whether anything changed."""
        reopened = at < self._at or day_of(at) != self._log.day
        if reopened:
            self._open(self._city.day(day_of(at)))
        changes = self._log.scooters.changes
        done = bisect_right(changes, at, lo=self._done, key=lambda change: change[1].since)
        for scooter, state in changes[self._done : done]:
            self.states[scooter] = state
        changed = reopened or done > self._done
        self._done, self._at = done, at
        return changed

    def reported_at(self, scooter: int) -> int:
        """Return the second of a scooter's last change or heartbeat."""
        return max(self.states[scooter].since, self._at - (self._at - 37 * scooter) % HEARTBEAT_S)

    def at_hub(self, hub: int) -> tuple[int, int]:
        """Return how many scooters at a hub can be taken, and how many are disabled."""
        here = [state for state in self.states if state.place.hub == hub and not state.is_ridden]
        disabled = sum(state.is_disabled for state in here)
        return len(here) - disabled - sum(state.is_reserved for state in here), disabled

    def _open(self, log: DayLog) -> None:
        self._log, self._done = log, 0
        self.states: list[ScooterState] = list(log.scooters.opening)


def scooters_at(city: City, at: int) -> list[ScooterState]:
    """Return the state of each scooter at a second."""
    states = ScooterStates(city)
    states.move_to(at)
    return states.states
