"""Port Aurora: a city that follows from its seed, its first day and its size."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from simulator.area import Area, Hub, draw_area
from simulator.geography import Station, draw_geography
from simulator.log import DayLog, Seconds
from simulator.moments import midnight
from simulator.scooters import Scooters
from simulator.simulation import Simulation

NAME = "Port Aurora"
SYSTEM_ID = "port_aurora"
VEHICLE_TYPES = ("classic", "electric")
SCOOTER_TYPE = "scooter"
FLEET_PER_DOCK = 0.55
ELECTRIC_SHARE = 0.30
HEARTBEAT_S = 600


def default_scooters(stations: int) -> int:
    """Return how many scooters a city of so many stations has, if nobody says otherwise."""
    return max(6, stations // 3)


class City:
    """A simulated city; asked for a day, it plays as far as that day and remembers.

    The same seed, first day and numbers of stations and scooters give the same events, in any
    process and whatever was asked before. Scooters change nothing about bikes and docks.

    Attributes:
        stations: the stations with docks.
        hubs: the virtual stations of the scooters; none without scooters.
        fleet: the number of bikes.
        scooters: the number of scooters.
    """

    def __init__(
        self, seed: int, started_on: date, stations: int = 120, scooters: int | None = None
    ) -> None:
        """Build the stations and put the fleet into its docks; no day is played yet.

        Raises:
            ValueError: there are fewer than two stations, so nobody could go anywhere, or fewer
                than no scooters.
        """
        self.scooters = default_scooters(stations) if scooters is None else scooters
        if stations < 2:
            raise ValueError(f"a city needs at least 2 stations, not {stations}")
        if self.scooters < 0:
            raise ValueError(f"a city has 0 scooters or more, not {scooters}")
        rng = np.random.default_rng([seed, 0])
        self.seed = seed
        self.started_on = started_on
        geography = draw_geography(rng, stations)
        self.stations: tuple[Station, ...] = geography.stations
        docks = np.repeat(np.arange(stations), [place.capacity for place in self.stations])
        self.fleet = round(FLEET_PER_DOCK * len(docks))
        self.electric: tuple[bool, ...] = tuple((rng.random(self.fleet) < ELECTRIC_SHARE).tolist())
        self.heartbeat_phase: Seconds = rng.integers(0, HEARTBEAT_S, size=stations)
        self.area: Area = draw_area(np.random.default_rng([seed, 3]), geography)
        self.hubs: tuple[Hub, ...] = self.area.hubs if self.scooters else ()
        self._scooters = Scooters(seed, self.area, self.scooters, started_on)
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
            scooters = self._scooters.play(next_day, log.weather)
            self._days.append(replace(log, scooters=scooters))
        return self._days[index]

    def station_id(self, station: int | None) -> str | None:
        """Return the public id of a station, or ``None`` for no station."""
        return None if station is None else self.stations[station].station_id

    def hub_id(self, hub: int | None) -> str | None:
        """Return the public id of a hub, or ``None`` for no hub."""
        return None if hub is None else self.hubs[hub].station_id

    def scooter_id(self, scooter: int) -> str:
        """Return the operator's own id of a scooter, which no feed shows."""
        return f"scooter-{scooter + 1:04d}"

    def bike_id(self, bike: int) -> str:
        """Return the public id of a bike."""
        return f"bike-{bike + 1:05d}"

    def vehicle_type_id(self, bike: int) -> str:
        """Return the vehicle type of a bike."""
        return VEHICLE_TYPES[self.electric[bike]]
