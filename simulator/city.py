"""Port Aurora: a city that follows from its seed, its first day and its number of stations."""

from datetime import date, timedelta

import numpy as np

from simulator.docks import Counts
from simulator.geography import Station, draw_geography
from simulator.log import DayLog, Seconds
from simulator.moments import day_of, midnight
from simulator.simulation import Simulation

NAME = "Port Aurora"
SYSTEM_ID = "port_aurora"
VEHICLE_TYPES = ("classic", "electric")
FLEET_PER_DOCK = 0.55
ELECTRIC_SHARE = 0.30
HEARTBEAT_S = 600


class City:
    """A simulated city; asked for a day, it plays as far as that day and remembers.

    The same seed, first day and number of stations give the same events, in any process and
    whatever was asked before.
    """

    def __init__(self, seed: int, started_on: date, stations: int = 120) -> None:
        """Build the stations and put the fleet into its docks; no day is played yet.

        Raises:
            ValueError: there are fewer than two stations, so nobody could go anywhere.
        """
        if stations < 2:
            raise ValueError(f"a city needs at least 2 stations, not {stations}")
        rng = np.random.default_rng([seed, 0])
        self.seed = seed
        self.started_on = started_on
        geography = draw_geography(rng, stations)
        self.stations: tuple[Station, ...] = geography.stations
        docks = np.repeat(np.arange(stations), [place.capacity for place in self.stations])
        self.fleet = round(FLEET_PER_DOCK * len(docks))
        self.electric: tuple[bool, ...] = tuple((rng.random(self.fleet) < ELECTRIC_SHARE).tolist())
        self.heartbeat_phase: Seconds = rng.integers(0, HEARTBEAT_S, size=stations)
        self._simulation = Simulation(seed, geography, self.electric)
        for bike, station in enumerate(rng.permutation(docks)[: self.fleet].tolist()):
            self._simulation.docks.put(midnight(started_on), station, (bike,))
        self._changed_at: Seconds = np.full(stations, midnight(started_on), dtype=np.int64)
        self._days: list[DayLog] = []

    def day(self, day: date) -> DayLog:
        """Return what happens on a UTC day.

        Raises:
            ValueError: the day is before the city's first.
        """
        index = (day - self.started_on).days
        if index < 0:
            raise ValueError(f"{day} is before the city's first day, {self.started_on}")
        while len(self._days) <= index:
            next_day = self.started_on + timedelta(days=len(self._days))
            log = self._simulation.play(next_day, self._changed_at.copy())
            self._changed_at[log.change_station] = log.change_at
            self._days.append(log)
        return self._days[index]

    def station_id(self, station: int | None) -> str | None:
        """Return the public id of a station, or ``None`` for no station."""
        return None if station is None else self.stations[station].station_id

    def bike_id(self, bike: int) -> str:
        """Return the public id of a bike."""
        return f"bike-{bike + 1:05d}"

    def vehicle_type_id(self, bike: int) -> str:
        """Return the vehicle type of a bike."""
        return VEHICLE_TYPES[self.electric[bike]]


class StationStates:
    """The state of all stations at a moment; moving forward in time is cheap.

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
