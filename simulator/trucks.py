"""Rebalancing: when trucks set out, and from where to where they carry bikes."""

import math
from dataclasses import dataclass

import numpy as np

from simulator.docks import Docks

ROUND_HOURS = (5.5, 9.5, 12.5, 15.5, 19.0, 22.0)
STATIONS_PER_TRUCK = 20
TRUCK_BIKES = 20
FEWEST_BIKES = 3
TARGET_FILL = 0.5
SPEED_KMH = 22.0
STOP_S, BIKE_S = 240, 25


@dataclass(frozen=True, slots=True)
class Plan:
    """A load to carry: ``bikes`` bikes between two stations, by index."""

    start: int
    end: int
    bikes: int


def draw_departures(rng: np.random.Generator, stations: int) -> list[tuple[int, int]]:
    """Draw (second of the day, truck) for each time that a truck sets out."""
    trucks = max(1, round(stations / STATIONS_PER_TRUCK))
    return [
        (int(3_600 * hour + rng.integers(0, 4_500)), truck)
        for hour in ROUND_HOURS
        for truck in range(trucks)
    ]


def plan_move(docks: Docks, inbound: list[int]) -> Plan | None:
    """Choose the station with most bikes to spare and the one that lacks most, if it is worth it.

    Args:
        docks: the state of all stations.
        inbound: for each station, bikes that trucks are already bringing.
    """
    wanted = [math.ceil(TARGET_FILL * capacity) for capacity in docks.capacity]
    spare = [docks.ready(station) - want for station, want in enumerate(wanted)]
    lack = [
        min(want - docks.ready(station), docks.free[station] - 2) - inbound[station]
        for station, want in enumerate(wanted)
    ]
    start, end = spare.index(max(spare)), lack.index(max(lack))
    bikes = min(TRUCK_BIKES, spare[start], lack[end])
    return Plan(start, end, bikes) if bikes >= FEWEST_BIKES and start != end else None


def drive_seconds(distance_km: float, bikes: int) -> int:
    """Return the time from the end of loading to the end of unloading."""
    return STOP_S + BIKE_S * bikes + int(3_600 * 1.3 * distance_km / SPEED_KMH)
