"""What goes wrong about devices on a day, with the object that a detector should name."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.city import SYSTEM_ID, City
from simulator.home import replacing
from simulator.log import DayLog, Place, ScooterState
from simulator.moments import midnight, to_datetime
from simulator.states import ScooterStates

HOUR_S = 3_600
TELLING = 3
"""One in so many stations has docks that tell of themselves."""
SILENT_H, DRAINING_H, OFFLINE_H, BROKEN_H = 8, 5, 3, 22
DRAIN_AN_HOUR = 0.11
TRACK_S, TRACK_KM, TRACK_STEPS = 300, 0.4, 8
TRACK_H = 1
FAILURES = 5
"""A dock that fails is one that so many bikes come to on the day."""


class DeviceFault(StrEnum):
    """What a device can do wrong for a while; the name is that of the anomaly it is."""

    HEARTBEAT_LOST = "heartbeat_lost"
    DOCK_NOT_LOCKING = "dock_not_locking"
    BATTERY_DROP = "battery_drop"
    UNRENTED_MOVE = "unrented_move"
    LATE_EVENTS = "late_events"


@dataclass(frozen=True, slots=True)
class Struck:
    """A device, or the city's gateway, and the seconds from which and until which it is wrong.

    Attributes:
        place: index of the station or scooter.
        dock: the dock's number, of a dock.
        angle: where somebody pushes a scooter.
    """

    kind: DeviceFault
    object_id: str
    starts_at: int
    ends_at: int
    place: int = 0
    dock: int = 0
    angle: float = 0.0

    def holds_at(self, at: int) -> bool:
        """Tell whether it is wrong at a second."""
        return self.starts_at <= at < self.ends_at


def device_faults(city: City, day: date) -> tuple[Struck, ...]:
    """Return what goes wrong on a UTC day, one of each kind that the day has a device for."""
    rng = np.random.default_rng([city.seed, day.toordinal(), 9])
    begin = midnight(day)
    hour = begin + HOUR_S * int(rng.integers(7, 15))
    station = int(rng.integers(len(city.stations)))
    silent = begin + HOUR_S * int(rng.integers(2, 14))
    struck = [
        Struck(DeviceFault.LATE_EVENTS, SYSTEM_ID, hour, hour + OFFLINE_H * HOUR_S),
        Struck(
            DeviceFault.HEARTBEAT_LOST,
            city.stations[station].station_id,
            silent,
            silent + SILENT_H * HOUR_S,
            station,
        ),
        *_failing_dock(city, day, rng),
    ]
    if city.scooters:
        states = _hourly(city, begin)
        drained = _standing(states, DRAINING_H, 0.6, rng)
        moved = _standing(states, TRACK_H, 0.0, rng, but=drained[0] if drained else None)
        if drained:
            scooter, since = drained[0], begin + HOUR_S * drained[1]
            until = since + DRAINING_H * HOUR_S
            name = city.scooter_id(scooter)
            struck.append(Struck(DeviceFault.BATTERY_DROP, name, since, until, scooter))
        if moved:
            scooter, since = moved[0], begin + HOUR_S * moved[1]
            until = since + TRACK_STEPS * TRACK_S
            angle, name = float(rng.uniform(0, math.tau)), city.scooter_id(scooter)
            struck.append(
                Struck(DeviceFault.UNRENTED_MOVE, name, since, until, scooter, angle=angle)
            )
    return tuple(struck)


def write_device_faults(city: City, home: Path, day: date) -> None:
    """Write what goes wrong on a day into ``ledger/device_faults-<day>.parquet``."""
    rows = [
        {
            "kind": struck.kind.value,
            "object_id": struck.object_id,
            "starts_at": to_datetime(struck.starts_at),
            "ends_at": to_datetime(struck.ends_at),
        }
        for struck in device_faults(city, day)
    ]
    with replacing(home / "ledger" / f"device_faults-{day}.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=_LEDGER), temporary)


def dock_of(city: City, station: int, bike: int) -> int:
    """Return the number of the dock that a bike is put into at a station."""
    return bike % city.stations[station].capacity + 1


def returns(log: DayLog) -> list[tuple[int, int, int]]:
    """Return when bikes are put into docks: second, station and bike."""
    ridden = [
        (trip.ended_at, trip.end, trip.bike)
        for trip in log.trips
        if trip.end is not None and trip.ended_at is not None
    ]
    moved = [
        (drop.dropped_at, drop.station, bike)
        for move in log.moves
        for drop in move.drops
        for bike in drop.bikes
    ]
    return ridden + moved


def track(struck: Struck, place: Place) -> list[tuple[int, tuple[float, float]]]:
    """Return where a scooter is pushed to, and when: seconds and places in km."""
    east, north = TRACK_KM * math.cos(struck.angle), TRACK_KM * math.sin(struck.angle)
    x, y = place.spot
    return [
        (struck.starts_at + step * TRACK_S, (x + (step + 1) * east, y + (step + 1) * north))
        for step in range(TRACK_STEPS)
    ]


def _failing_dock(city: City, day: date, rng: np.random.Generator) -> list[Struck]:
    """Return a dock to which enough bikes come for somebody to notice, if there is one."""
    begin = midnight(day) + HOUR_S
    until = begin + BROKEN_H * HOUR_S
    comes = Counter(
        (station, dock_of(city, station, bike))
        for at, station, bike in returns(city.day(day))
        if station % TELLING == 0 and begin <= at < until
    )
    busy = sorted(dock for dock, count in comes.items() if count >= FAILURES)
    if not busy:
        return []
    station, dock = busy[int(rng.integers(len(busy)))]
    name = f"{city.stations[station].short_name}/{dock}"
    return [Struck(DeviceFault.DOCK_NOT_LOCKING, name, begin, until, station, dock)]


def _hourly(city: City, begin: int) -> list[list[ScooterState]]:
    """Return the state of each scooter at each full hour of a day."""
    states, found = ScooterStates(city), []
    for hour in range(24):
        states.move_to(begin + hour * HOUR_S)
        found.append(list(states.states))
    return found


def _standing(
    states: Sequence[Sequence[ScooterState]],
    hours: int,
    charge: float,
    rng: np.random.Generator,
    but: int | None = None,
) -> tuple[int, int] | None:
    """Return a scooter, and the hour from which it stands for so long, charged so well."""
    found = [
        (scooter, hour)
        for scooter in range(len(states[0]))
        for hour in range(2, 23 - hours)
        if scooter != but
        and states[hour][scooter].charge >= charge
        and not any(states[beside][scooter].is_ridden for beside in (hour - 1, hour))
        and states[hour - 1][scooter].vehicle_id == states[hour + hours][scooter].vehicle_id
        and not states[hour + hours][scooter].is_ridden
    ]
    return found[int(rng.integers(len(found)))] if found else None


_LEDGER = pa.schema(
    [
        ("kind", pa.string()),
        ("object_id", pa.string()),
        ("starts_at", pa.timestamp("us", tz="UTC")),
        ("ends_at", pa.timestamp("us", tz="UTC")),
    ]
)
