"""What truly happened: the records of a simulated day, by index of bike, station and scooter."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from simulator.area import Spot
from simulator.docks import Counts
from simulator.weather import WeatherDay

Seconds = npt.NDArray[np.int64]


@dataclass(slots=True)
class Trip:
    """A ride of one bike; ``end`` and ``ended_at`` come when it ends, maybe on another day."""

    trip_id: str
    bike: int
    start: int
    started_at: int
    intended: int
    end: int | None = None
    ended_at: int | None = None
    redirects: int = 0


@dataclass(frozen=True, slots=True)
class LostDemand:
    """A rider who found no bike."""

    requested_at: int
    station: int
    intended: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Bikes that a truck put down at a station."""

    station: int
    dropped_at: int
    bikes: tuple[int, ...]


@dataclass(slots=True)
class Move:
    """A truck's load from one station; it is put down in one drop, in more if docks filled up."""

    move_id: str
    truck: int
    start: int
    picked_up_at: int
    bikes: tuple[int, ...]
    drops: list[Drop] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Disablement:
    """A bike out of order at its dock, from one second to another."""

    bike: int
    station: int
    disabled_at: int
    repaired_at: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scooter stands: a spot, and the hub (by index) if it is at one."""

    spot: Spot
    hub: int | None = None


@dataclass(frozen=True, slots=True)
class ScooterState:
    """How a scooter is from second ``since`` on; nobody sees it while it is ridden or away.

    ``charge`` is the share of a full battery.
    """

    since: int
    vehicle_id: str
    place: Place
    charge: float
    is_reserved: bool = False
    is_disabled: bool = False
    is_ridden: bool = False


@dataclass(frozen=True, slots=True)
class ScooterTrip:
    """A ride of a scooter, which has another public id when it ends."""

    trip_id: str
    scooter: int
    start: Place
    end: Place
    reserved_at: int | None
    started_at: int
    ended_at: int
    vehicle_id_before: str
    vehicle_id_after: str


@dataclass(frozen=True, slots=True)
class ScooterOutage:
    """A scooter out of order where it stands; ``repaired_at`` is None if it never is repaired."""

    scooter: int
    vehicle_id: str
    hub: int | None
    cause: str
    disabled_at: int
    repaired_at: int | None


@dataclass(frozen=True, slots=True)
class ScooterCollection:
    """A scooter that the operator takes away and puts down elsewhere, under another public id."""

    scooter: int
    start: Place
    end: Place
    is_charged: bool
    collected_at: int
    deployed_at: int
    vehicle_id_before: str
    vehicle_id_after: str


@dataclass(frozen=True, slots=True)
class ScooterDay:
    """A UTC day of the scooters: how each is when it begins, and all changes in order of time."""

    opening: tuple[ScooterState, ...] = ()
    changes: tuple[tuple[int, ScooterState], ...] = ()
    trips: tuple[ScooterTrip, ...] = ()
    outages: tuple[ScooterOutage, ...] = ()
    collections: tuple[ScooterCollection, ...] = ()


@dataclass(frozen=True, slots=True)
class DayLog:
    """One UTC day. Trips and moves belong to the day they started on.

    Attributes:
        day: the UTC day.
        weather: its 24 hours.
        opening: (S, 3) counts when the day begins.
        opening_changed_at: (S,) second of each station's last change before the day.
        change_at: (N,) seconds of the day's changes, in order.
        change_station: (N,) station of each change.
        change_counts: (N, 3) the station's counts from then on.
    """

    day: date
    weather: WeatherDay
    opening: Counts
    opening_changed_at: Seconds
    change_at: Seconds
    change_station: npt.NDArray[np.int64]
    change_counts: Counts
    trips: tuple[Trip, ...]
    lost_demand: tuple[LostDemand, ...]
    moves: tuple[Move, ...]
    disablements: tuple[Disablement, ...]
    scooters: ScooterDay = field(default_factory=ScooterDay)
