"""The dirt that is planted in the city's trip files, as it is seen in published ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

DEPOT = "Aurora Depot"


@dataclass(frozen=True, slots=True)
class Ride:
    """A ride as its line tells it; times are local, texts as the family writes them.

    Attributes:
        start_text: what stands in the place of the start, where it is not the time.
    """

    ride_id: str
    bike_id: str
    kind: str
    rider: str
    started_at: datetime
    ended_at: datetime
    duration_s: int
    start: tuple[str, str, float, float]
    end: tuple[str, str, float, float]
    start_text: str = ""


@dataclass(frozen=True, slots=True)
class Dirt:
    """A way to soil a ride.

    Attributes:
        rule: the rule that tells it; empty where none does, for it is repaired or allowed.
        is_quarantined: whether the ride must not count.
        families: those whose files can have it.
    """

    rule: str
    is_quarantined: bool
    families: tuple[str, ...]
    soil: Callable[[Ride], Ride]


def _cut_time(ride: Ride) -> Ride:
    return replace(ride, start_text=f"{ride.started_at:%M:%S}.0")


def _resaved_time(ride: Ride) -> Ride:
    at = ride.started_at
    return replace(
        ride, start_text=f"{at.month}/{at.day}/{at:%y} {at.hour % 12 or 12}:{at:%M} {at:%p}"
    )


def _depot(ride: Ride) -> Ride:
    return replace(ride, end=(ride.end[0], DEPOT, *ride.end[2:]))


def _lost_point(ride: Ride) -> Ride:
    station_id, name, lat, lon = ride.start
    return replace(ride, start=(station_id, name, round(lat * 10, 6), lon))


def _shortened(ride: Ride) -> Ride:
    return replace(ride, ended_at=ride.started_at + timedelta(seconds=20), duration_s=20)


def _lengthened(ride: Ride) -> Ride:
    longer = timedelta(days=2)
    duration_s = ride.duration_s + int(longer.total_seconds())
    return replace(ride, ended_at=ride.ended_at + longer, duration_s=duration_s)


def _backwards(ride: Ride) -> Ride:
    return replace(ride, started_at=ride.ended_at, ended_at=ride.started_at)


def _no_end(ride: Ride) -> Ride:
    return replace(ride, end=("", "", *ride.end[2:]))


def _two_minutes_later(ride: Ride) -> Ride:
    later = timedelta(minutes=2)
    return replace(
        ride,
        started_at=ride.started_at + later,
        duration_s=ride.duration_s - int(later.total_seconds()),
        start=ride.end,
    )


ALL = ("T1", "T2", "T4", "T6")
DIRT = {
    "cut_time": Dirt("R31", True, ALL, _cut_time),
    "backwards": Dirt("R30", True, ALL, _backwards),
    "too_short": Dirt("R30", True, ALL, _shortened),
    "over_a_day": Dirt("R30", True, ALL, _lengthened),
    "depot": Dirt("R33", True, ALL, _depot),
    "cut_line": Dirt("", True, ALL, lambda ride: ride),
    "lost_point": Dirt("R34", False, ("T1", "T2", "T6"), _lost_point),
    "cut_id": Dirt("R32", False, ("T2",), lambda ride: replace(ride, ride_id="1.42E+15")),
    "resaved_time": Dirt("", False, ("T1", "T2"), _resaved_time),
    "no_end": Dirt("", False, ("T2",), _no_end),
}
"""What is planted once in each file. A cut line cannot be read, and so breaks no rule."""

REPEATED = Dirt("R29", True, ALL, lambda ride: ride)
"""A ride of the file of the day before, of the same family, stands in this one too."""

SAME_BIKE = Dirt(
    "R37",
    False,
    ("T1", "T4"),
    _two_minutes_later,
)
"""A bike begins another ride while it is on one."""
