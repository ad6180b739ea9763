"""The scooters: how a day of rides, reservations, breakages and collections plays out."""

import hashlib
import heapq
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from simulator.area import Area, Spot
from simulator.log import (
    Place,
    ScooterCollection,
    ScooterDay,
    ScooterOutage,
    ScooterState,
    ScooterTrip,
)
from simulator.moments import DAY_S, midnight
from simulator.riders import HOURLY_SHARE, local_time
from simulator.weather import WeatherDay

TRIPS_PER_SCOOTER_DAY = 5.0
BREAKAGES_PER_SCOOTER_DAY = 0.05
REPAIR_HOURS, SWAP_HOURS = (2.0, 22.0), (1.0, 8.0)
COLLECTIONS_PER_SCOOTER_DAY, CHARGED_SHARE = 0.4, 0.5
CHARGING_HOURS, MOVING_HOURS = (3.0, 10.0), (0.3, 1.5)
TO_HUB_SHARE, AT_HUB_FIRST_SHARE = 0.3, 0.25
RESERVED_SHARE, RESERVED_S = 0.6, (90, 480)
RIDE_KM, SPEED_KMH, DETOUR, UNLOCK_S = (0.4, 1.3, 4.0), 14.0, (1.05, 1.6), 45
RANGE_KM, LOW_CHARGE = 30.0, 0.15
HUB_RADIUS_KM = 0.02

Action = Callable[[int], None]
"""Something that happens at the second it is given."""


@dataclass(slots=True)
class _Notes:
    """What is written down during one day."""

    stamp: str = ""
    changes: list[tuple[int, ScooterState]] = field(default_factory=list)
    trips: list[ScooterTrip] = field(default_factory=list)
    outages: list[ScooterOutage] = field(default_factory=list)
    collections: list[ScooterCollection] = field(default_factory=list)


class Scooters:
    """Plays days one after another; all chance of a day comes from ``[seed, 2, day]``.

    Scooter 0 waits for a spare part at the first hub: there is always one out of order there.
    """

    def __init__(self, seed: int, area: Area, scooters: int, started_on: date) -> None:
        """Put the scooters where they stand when the city begins."""
        self._seed, self._area = seed, area
        self._rng = np.random.default_rng([seed, 2])
        self._agenda: list[tuple[int, int, Action]] = []
        self._ticket = count()
        self._rides = [0] * scooters
        at = midnight(started_on)
        self._states = [
            ScooterState(at, self._vehicle_id(scooter), self._first_place(), self._first_charge())
            for scooter in range(scooters)
        ]
        self._notes = _Notes()
        if scooters:
            self._states[0] = replace(self._states[0], place=self._at_hub(0))
            self._disable(0, "spare part", None, at)
            self._notes.changes.clear()

    def play(self, day: date, weather: WeatherDay) -> ScooterDay:
        """Play the day after the one played last."""
        self._rng = rng = np.random.default_rng([self._seed, 2, day.toordinal()])
        opening = tuple(self._states)
        self._notes.stamp = f"{day:%Y%m%d}"
        for at in self._draw_wishes(day, weather):
            self._schedule(at, self._wish)
        for _ in range(int(rng.poisson(BREAKAGES_PER_SCOOTER_DAY * len(opening)))):
            self._schedule(midnight(day) + int(rng.integers(0, DAY_S)), self._break_down)
        for _ in range(int(rng.poisson(COLLECTIONS_PER_SCOOTER_DAY * len(opening)))):
            self._schedule(midnight(day) + int(rng.integers(0, DAY_S)), self._collect)
        while self._agenda and self._agenda[0][0] < midnight(day) + DAY_S:
            due, _, action = heapq.heappop(self._agenda)
            action(due)
        notes, self._notes = self._notes, _Notes()
        return ScooterDay(
            opening,
            tuple(notes.changes),
            tuple(notes.trips),
            tuple(notes.outages),
            tuple(notes.collections),
        )

    def _draw_wishes(self, day: date, weather: WeatherDay) -> list[int]:
        """Return the seconds at which somebody wants to ride."""
        wishes: list[int] = []
        for hour, appetite in enumerate(weather.appetite().tolist()):
            begins = midnight(day) + 3_600 * hour
            local = local_time(begins)
            share = HOURLY_SHARE[local.weekday() >= 5][local.hour] * appetite * len(self._states)
            many = self._rng.poisson(TRIPS_PER_SCOOTER_DAY * share)
            wishes += (begins + self._rng.integers(0, 3_600, size=many)).tolist()
        return wishes

    def _schedule(self, at: int, action: Action) -> None:
        heapq.heappush(self._agenda, (at, next(self._ticket), action))

    def _change(self, scooter: int, at: int, **changes: Any) -> None:
        self._states[scooter] = replace(self._states[scooter], since=at, **changes)
        self._notes.changes.append((scooter, self._states[scooter]))

    def _any_idle(self) -> int | None:
        """Choose a scooter that could be taken."""
        idle = [
            scooter
            for scooter, state in enumerate(self._states)
            if not (state.is_reserved or state.is_disabled or state.is_ridden)
        ]
        return idle[int(self._rng.integers(len(idle)))] if idle else None

    def _wish(self, at: int) -> None:
        """Let a rider choose a scooter; some reserve it first and walk to it."""
        scooter = self._any_idle()
        if scooter is None:
            return
        if self._rng.random() < RESERVED_SHARE:
            self._change(scooter, at, is_reserved=True)
            walk_s = int(self._rng.integers(*RESERVED_S))
            self._schedule(at + walk_s, partial(self._depart, scooter, at))
        else:
            self._depart(scooter, None, at)

    def _depart(self, scooter: int, reserved_at: int | None, at: int) -> None:
        state, end = self._states[scooter], self._destination(self._states[scooter].place)
        ride_km = float(self._rng.uniform(*DETOUR)) * math.dist(state.place.spot, end.spot)
        self._rides[scooter] += 1
        trip = ScooterTrip(
            trip_id=f"scooter-trip-{self._notes.stamp}-{len(self._notes.trips) + 1:04d}",
            scooter=scooter,
            start=state.place,
            end=end,
            reserved_at=reserved_at,
            started_at=at,
            ended_at=at + UNLOCK_S + int(3_600 * ride_km / SPEED_KMH * self._rng.uniform(0.8, 1.6)),
            vehicle_id_before=state.vehicle_id,
            vehicle_id_after=self._vehicle_id(scooter),
        )
        self._notes.trips.append(trip)
        self._change(scooter, at, is_reserved=False, is_ridden=True)
        charge = round(max(0.0, state.charge - ride_km / RANGE_KM), 3)
        self._schedule(trip.ended_at, partial(self._arrive, trip, charge))

    def _arrive(self, trip: ScooterTrip, charge: float, at: int) -> None:
        self._change(
            trip.scooter,
            at,
            vehicle_id=trip.vehicle_id_after,
            place=trip.end,
            charge=charge,
            is_ridden=False,
        )
        if charge < LOW_CHARGE:
            self._disable(trip.scooter, "battery", self._after(SWAP_HOURS, at), at)

    def _break_down(self, at: int) -> None:
        scooter = self._any_idle()
        if scooter is not None:
            self._disable(scooter, "defect", self._after(REPAIR_HOURS, at), at)

    def _collect(self, at: int) -> None:
        """Let the operator take a scooter away, to charge it or to put it where it is wanted."""
        scooter = self._any_idle()
        if scooter is None:
            return
        is_charged = bool(self._rng.random() < CHARGED_SHARE)
        state = self._states[scooter]
        self._rides[scooter] += 1
        collection = ScooterCollection(
            scooter=scooter,
            start=state.place,
            end=self._destination(state.place),
            is_charged=is_charged,
            collected_at=at,
            deployed_at=self._after(CHARGING_HOURS if is_charged else MOVING_HOURS, at),
            vehicle_id_before=state.vehicle_id,
            vehicle_id_after=self._vehicle_id(scooter),
        )
        self._notes.collections.append(collection)
        self._change(scooter, at, is_ridden=True)
        self._schedule(collection.deployed_at, partial(self._deploy, collection))

    def _deploy(self, collection: ScooterCollection, at: int) -> None:
        charge = 1.0 if collection.is_charged else self._states[collection.scooter].charge
        self._change(
            collection.scooter,
            at,
            vehicle_id=collection.vehicle_id_after,
            place=collection.end,
            charge=charge,
            is_ridden=False,
        )

    def _disable(self, scooter: int, cause: str, repaired_at: int | None, at: int) -> None:
        self._change(scooter, at, is_disabled=True)
        state = self._states[scooter]
        outage = ScooterOutage(scooter, state.vehicle_id, state.place.hub, cause, at, repaired_at)
        self._notes.outages.append(outage)
        if repaired_at is not None:
            charge = 1.0 if cause == "battery" else state.charge
            mend = partial(self._change, scooter, is_disabled=False, charge=charge)
            self._schedule(repaired_at, mend)

    def _after(self, hours: tuple[float, float], at: int) -> int:
        return at + int(3_600 * self._rng.uniform(*hours))

    def _destination(self, start: Place) -> Place:
        """Choose where a ride ends: at another hub, or at any spot that allows it."""
        if self._rng.random() < TO_HUB_SHARE:
            others = [hub for hub in range(len(self._area.hubs)) if hub != start.hub]
            return self._at_hub(others[int(self._rng.integers(len(others)))])
        shortest, usual, longest = RIDE_KM
        for _ in range(30):
            way = min(shortest + self._rng.exponential(usual - shortest), longest)
            angle = self._rng.uniform(0, math.tau)
            spot = _beside(start.spot, way, angle)
            if self._area.allows(spot):
                return Place(spot)
        return self._at_hub(0 if start.hub else 1)

    def _at_hub(self, hub: int) -> Place:
        spot, angle = self._area.hubs[hub].spot, self._rng.uniform(0, math.tau)
        return Place(_beside(spot, HUB_RADIUS_KM * self._rng.random(), angle), hub)

    def _first_place(self) -> Place:
        hub = int(self._rng.integers(len(self._area.hubs)))
        standing = self._at_hub(hub)
        if self._rng.random() < AT_HUB_FIRST_SHARE:
            return standing
        return self._destination(standing)

    def _first_charge(self) -> float:
        return round(float(self._rng.uniform(0.3, 1.0)), 3)

    def _vehicle_id(self, scooter: int) -> str:
        """Return the public id of a scooter after so many rides; nobody can tell the next one."""
        name = f"{self._seed}/{scooter}/{self._rides[scooter]}".encode()
        return str(uuid.UUID(bytes=hashlib.blake2b(name, digest_size=16).digest(), version=4))


def _beside(spot: Spot, km: float, angle: float) -> Spot:
    return spot[0] + km * math.cos(angle), spot[1] + km * math.sin(angle)
