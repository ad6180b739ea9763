"""How the families of trip files write a ride."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from simulator.riders import TIMEZONE
from simulator.trip_dirt import Ride

Cells = list[str]
PLACES = ("station id", "station name", "station latitude", "station longitude")
T1_NAMES = (
    *("tripduration", "starttime", "stoptime"),
    *(f"{side} {what}" for side in ("start", "end") for what in PLACES),
    *("bikeid", "usertype", "birth year", "gender"),
)
T2_NAMES = (
    "ride_id", "rideable_type", "started_at", "ended_at", "start_station_name", "start_station_id",
    "end_station_name", "end_station_id", "start_lat", "start_lng", "end_lat", "end_lng",
    "member_casual",
)  # fmt: skip
T4_NAMES = (
    "Duration (ms)", "Start date", "End date", "Start station number", "Start station",
    "End station number", "End station", "Bike number", "Member type",
)  # fmt: skip
T6_NAMES = (
    *("started_at", "ended_at", "duration"),
    *(
        f"{side}_station_{what}"
        for side in ("start", "end")
        for what in ("id", "name", "description", "latitude", "longitude")
    ),
)


@dataclass(frozen=True, slots=True)
class Family:
    """A family, in the way in which one file is written.

    Attributes:
        has_gbfs_ids: whether stations go by the id of the feeds, and not by their short name.
        step_s: how exact its times are, in seconds.
    """

    name: str
    names: tuple[str, ...]
    cells: Callable[[Ride], Cells]
    delimiter: str = ","
    surplus: int = 0
    has_gbfs_ids: bool = False
    step_s: int = 1


def _t1(ride: Ride) -> Cells:
    bike = int(ride.bike_id[-5:])
    return [
        *(str(ride.duration_s), ride.start_text or str(ride.started_at), str(ride.ended_at)),
        *map(str, ride.start),
        *map(str, ride.end),
        *(ride.bike_id, "Customer" if ride.rider == "casual" else "Subscriber"),
        *(str(1950 + bike % 50), str(bike % 3)),
    ]


def _t2(ride: Ride, time: Callable[[datetime], str] = str) -> Cells:
    (start_id, start, *start_at), (end_id, end, *end_at) = ride.start, ride.end
    return [
        *(ride.ride_id, f"{ride.kind}_bike"),
        *(ride.start_text or time(ride.started_at), time(ride.ended_at)),
        *(start, start_id, end, end_id),
        *map(str, (*start_at, *end_at)),
        ride.rider,
    ]


def _t2_european(ride: Ride) -> Cells:
    """As a spreadsheet with European settings saves it."""
    cells = _t2(ride, lambda at: f"{at.day}.{at:%m.%Y %H:%M}")
    return [
        cell.replace(".", ",") if name.endswith(("_lat", "_lng")) else cell
        for name, cell in zip(T2_NAMES, cells, strict=True)
    ]


def _t4(ride: Ride) -> Cells:
    def time(at: datetime) -> str:
        return f"{at.month}/{at.day}/{at.year} {at.hour}:{at:%M}"

    return [
        *(str(ride.duration_s * 1000), ride.start_text or time(ride.started_at)),
        *(time(ride.ended_at), *ride.start[:2], *ride.end[:2], ride.bike_id),
        "Casual" if ride.rider == "casual" else "Member",
    ]


def _t6(ride: Ride) -> Cells:
    def time(at: datetime) -> str:
        return f"{at.replace(tzinfo=ZoneInfo(TIMEZONE)).astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00"

    places = [(one[0], one[1], "", str(one[2]), str(one[3])) for one in (ride.start, ride.end)]
    return [
        *(ride.start_text or time(ride.started_at), time(ride.ended_at), str(ride.duration_s)),
        *(cell for place in places for cell in place),
    ]


T1 = Family("T1", T1_NAMES, _t1)
T2 = Family("T2", T2_NAMES, _t2)
T2_EUROPEAN = Family("T2", T2_NAMES, _t2_european, ";", 2, step_s=60)
T4 = Family("T4", T4_NAMES, _t4, step_s=60)
T6 = Family("T6", T6_NAMES, _t6, has_gbfs_ids=True)
BY_AGE: Mapping[int, Family] = {1: T1, 2: T1, 3: T4, 4: T6, 6: T2_EUROPEAN}
"""The family of a file by the city's age in days; later ones, and the fifth, are of T2."""
