"""The play of a day: riders, trucks and mechanics in the order of time."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import count

import numpy as np

from simulator import trucks
from simulator.docks import AWAY, Docks
from simulator.geography import Geography
from simulator.log import DayLog, Disablement, Drop, LostDemand, Move, Seconds, Trip
from simulator.moments import DAY_S, midnight
from simulator.riders import draw_requests, ride_seconds
from simulator.weather import Front, draw_weather

BREAKAGES_PER_BIKE_DAY = 0.04
REPAIR_HOURS = (2.0, 22.0)
"""Always over on the next day: a day's truth is complete when the next day is."""

Action = Callable[[int], None]
"""Something that happens at the second it is given."""


@dataclass(slots=True)
class _Notes:
    """What is written down during one day."""

    stamp: str = ""
    trips: list[Trip] = field(default_factory=list)
    lost_demand: list[LostDemand] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    disablements: list[Disablement] = field(default_factory=list)


class Simulation:
    """Plays days one after another; all chance of a day comes from ``[seed, day]``."""

    def __init__(self, seed: int, geography: Geography, electric: Sequence[bool]) -> None:
        """Set up a city whose bikes (``electric`` tells their kinds) still have no docks."""
        self.docks = Docks([station.capacity for station in geography.stations], electric)
        self._seed = seed
        self._geography = geography
        self._distance_km = geography.distance_km.tolist()
        self._nearest = geography.nearest.tolist()
        self._inbound = [0] * len(geography.stations)
        self._front = Front()
        self._agenda: list[tuple[int, int, Action]] = []
        self._ticket = count()
        self._notes = _Notes()

    def play(self, day: date, changed_at: Seconds) -> DayLog:
        """Play the day after the one played last.

        Args:
            day: the UTC day.
            changed_at: (S,) second of each station's last change so far.
        """
        rng = np.random.default_rng([self._seed, day.toordinal()])
        opening, self.docks.changes = self.docks.counts(), []
        self._notes = _Notes(stamp=f"{day:%Y%m%d}")
        fleet = len(self.docks.electric)
        weather, self._front = draw_weather(rng, day, self._front)
        requests = draw_requests(rng, self._geography, fleet, day, weather)
        self._plan_trucks(rng, day)
        self._plan_breakages(rng, day)
        for at, origin, destination, electric, luck, pace in zip(
            requests.at,
            requests.origin,
            requests.destination,
            requests.electric,
            requests.luck,
            requests.pace,
            strict=True,
        ):
            self._run_until(at)
            bike = self.docks.take(at, origin, electric=electric, luck=luck)
            if bike == AWAY:
                self._notes.lost_demand.append(LostDemand(at, origin, destination))
            else:
                self._depart(at, bike, origin, destination, pace)
        self._run_until(midnight(day) + DAY_S - 1)
        changes = np.array(self.docks.changes, dtype=np.int64).reshape(-1, 5)
        return DayLog(
            day=day,
            weather=weather,
            opening=opening,
            opening_changed_at=changed_at,
            change_at=changes[:, 0].copy(),
            change_station=changes[:, 1].copy(),
            change_counts=changes[:, 2:].astype(np.int16),
            trips=tuple(self._notes.trips),
            lost_demand=tuple(self._notes.lost_demand),
            moves=tuple(self._notes.moves),
            disablements=tuple(self._notes.disablements),
        )

    def _schedule(self, at: int, action: Action) -> None:
        heapq.heappush(self._agenda, (at, next(self._ticket), action))

    def _run_until(self, at: int) -> None:
        """Let everything happen that is due, ``at`` included."""
        while self._agenda and self._agenda[0][0] <= at:
            due, _, action = heapq.heappop(self._agenda)
            action(due)

    def _depart(self, at: int, bike: int, origin: int, destination: int, pace: float) -> None:
        trip_id = f"trip-{self._notes.stamp}-{len(self._notes.trips) + 1:05d}"
        trip = Trip(trip_id, bike, origin, at, destination)
        self._notes.trips.append(trip)
        ride_s = ride_seconds(
            self._distance_km[origin][destination],
            electric=self.docks.electric[bike],
            pace=pace,
        )
        self._schedule(at + ride_s, partial(self._arrive, trip, destination))

    def _arrive(self, trip: Trip, station: int, at: int) -> None:
        """Dock the bike, or ride on to the nearest station that has a dock right now."""
        if self.docks.free[station]:
            self.docks.put(at, station, (trip.bike,))
            trip.end, trip.ended_at = station, at
            return
        trip.redirects += 1
        other = next((near for near in self._nearest[station] if self.docks.free[near]), station)
        electric = self.docks.electric[trip.bike]
        ride_s = ride_seconds(self._distance_km[station][other], electric=electric, pace=1.0)
        self._schedule(at + ride_s, partial(self._arrive, trip, other))

    def _plan_trucks(self, rng: np.random.Generator, day: date) -> None:
        for second, truck in trucks.draw_departures(rng, len(self._geography.stations)):
            self._schedule(midnight(day) + second, partial(self._pick_up, truck))

    def _pick_up(self, truck: int, at: int) -> None:
        plan = trucks.plan_move(self.docks, self._inbound)
        if plan is None:
            return
        bikes = self.docks.load(at, plan.start, plan.bikes)
        move_id = f"move-{self._notes.stamp}-{len(self._notes.moves) + 1:03d}"
        move = Move(move_id, truck, plan.start, at, bikes)
        self._notes.moves.append(move)
        self._drive(at, move, bikes, plan.start, plan.end)

    def _drive(self, at: int, move: Move, bikes: tuple[int, ...], start: int, end: int) -> None:
        self._inbound[end] += len(bikes)
        drive_s = trucks.drive_seconds(self._distance_km[start][end], len(bikes))
        self._schedule(at + drive_s, partial(self._drop, move, bikes, end))

    def _drop(self, move: Move, bikes: tuple[int, ...], station: int, at: int) -> None:
        """Put down what fits, and drive on with the rest to where most docks are free."""
        self._inbound[station] -= len(bikes)
        fits = min(len(bikes), self.docks.free[station])
        dropped, rest = bikes[:fits], bikes[fits:]
        if dropped:
            self.docks.put(at, station, dropped)
            move.drops.append(Drop(station, at, dropped))
        if rest:
            roomiest = self.docks.free.index(max(self.docks.free))
            self._drive(at, move, rest, station, roomiest)

    def _plan_breakages(self, rng: np.random.Generator, day: date) -> None:
        fleet = len(self.docks.electric)
        breakages = int(rng.poisson(BREAKAGES_PER_BIKE_DAY * fleet))
        for second, bike, hours in zip(
            rng.integers(0, DAY_S, size=breakages).tolist(),
            rng.integers(0, fleet, size=breakages).tolist(),
            rng.uniform(*REPAIR_HOURS, size=breakages).tolist(),
            strict=True,
        ):
            break_down = partial(self._break_down, bike, int(3_600 * hours))
            self._schedule(midnight(day) + second, break_down)

    def _break_down(self, bike: int, repair_s: int, at: int) -> None:
        """Disable a bike, unless it is on the road or out of order already."""
        if self.docks.where(bike) == AWAY:
            return
        station = self.docks.disable(at, bike)
        self._notes.disablements.append(Disablement(bike, station, at, at + repair_s))
        self._schedule(at + repair_s, lambda due: self.docks.repair(due, bike))
