"""Which bike stands where: the one place that moves bikes in and out of docks."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int16]
"""(S, 3): classic bikes ready, electric bikes ready, bikes disabled."""

Change = tuple[int, int, int, int, int]
"""Second, station, and its three counts from then on."""

AWAY = -1


class Docks:
    """Bikes at the docks of S stations, and a log of every change.

    Bikes and stations are indices; ``electric[bike]`` tells the kind of a bike.
    """

    def __init__(self, capacity: Sequence[int], electric: Sequence[bool]) -> None:
        """Start with all bikes away from all docks."""
        self.capacity = tuple(capacity)
        self.electric = tuple(electric)
        self.free = list(capacity)
        self.changes: list[Change] = []
        self._ready: list[tuple[list[int], list[int]]] = [([], []) for _ in capacity]
        self._disabled: list[set[int]] = [set() for _ in capacity]
        self._station = [AWAY] * len(electric)

    def ready(self, station: int) -> int:
        """Return how many bikes a rider could take."""
        classic, electric = self._ready[station]
        return len(classic) + len(electric)

    def where(self, bike: int) -> int:
        """Return the station of a bike that is ready to ride there, else ``AWAY``."""
        station = self._station[bike]
        return AWAY if station != AWAY and bike in self._disabled[station] else station

    def take(self, at: int, station: int, *, electric: bool, luck: float) -> int:
        """Take a ready bike, of the wanted kind if there is one; ``AWAY`` if there is none."""
        kinds = self._ready[station]
        shelf = kinds[electric] or kinds[not electric]
        if not shelf:
            return AWAY
        bike = shelf.pop(int(luck * len(shelf)))
        self._station[bike] = AWAY
        self.free[station] += 1
        self._log(at, station)
        return bike

    def load(self, at: int, station: int, bikes: int) -> tuple[int, ...]:
        """Take the ``bikes`` ready bikes that came last, as a truck does."""
        classic, electric = self._ready[station]
        share = round(bikes * len(electric) / (len(classic) + len(electric)))
        loaded = (*(electric.pop() for _ in range(share)),)
        loaded += (*(classic.pop() for _ in range(bikes - share)),)
        for bike in loaded:
            self._station[bike] = AWAY
        self.free[station] += bikes
        self._log(at, station)
        return loaded

    def put(self, at: int, station: int, bikes: Sequence[int]) -> None:
        """Put bikes into free docks; the caller has seen that there are enough."""
        for bike in bikes:
            self._station[bike] = station
            self._ready[station][self.electric[bike]].append(bike)
        self.free[station] -= len(bikes)
        self._log(at, station)

    def disable(self, at: int, bike: int) -> int:
        """Disable a ready bike at its dock; return the station."""
        station = self._station[bike]
        self._ready[station][self.electric[bike]].remove(bike)
        self._disabled[station].add(bike)
        self._log(at, station)
        return station

    def repair(self, at: int, bike: int) -> None:
        """Make a disabled bike ready again, where it stands."""
        station = self._station[bike]
        self._disabled[station].remove(bike)
        self._ready[station][self.electric[bike]].append(bike)
        self._log(at, station)

    def counts(self) -> Counts:
        """Return how many bikes of each kind stand at each station now."""
        rows = [self._row(station) for station in range(len(self.capacity))]
        return np.array(rows, dtype=np.int16)

    def _row(self, station: int) -> tuple[int, int, int]:
        classic, electric = self._ready[station]
        return len(classic), len(electric), len(self._disabled[station])

    def _log(self, at: int, station: int) -> None:
        self.changes.append((at, station, *self._row(station)))
