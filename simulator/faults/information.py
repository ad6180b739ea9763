"""Faults in the rows of ``station_information``: one small function for each kind."""

import math
from collections.abc import Callable

from simulator.faults.case import Case, Rows, changed
from simulator.faults.kinds import FaultKind
from simulator.geography import latitude, longitude, spot_of

MOVE_M = (350, 750)
EXTRA_DOCKS = 4
OSCILLATION_S = 3_600
NEW_NAME = "{} (em obras)"


def duplicate_station(rows: Rows, case: Case) -> Rows:
    """List a station a second time."""
    return [*rows, *(row for row in rows if row["station_id"] == case.station_id)]


def zero_coordinates(rows: Rows, case: Case) -> Rows:
    """Put a station where equator and prime meridian meet."""
    return case.change(rows, lat=0.0, lon=0.0)


def same_id_move(rows: Rows, case: Case) -> Rows:
    """Let a station stand some hundred metres away, towards the centre, under the same id."""
    station = next(one for one in case.city.stations if one.station_id == case.station_id)
    east, north = spot_of(station.lat, station.lon)
    shortest, longest = MOVE_M
    way_km = (shortest + case.fault.choose(longest - shortest)) / 1_000
    angle = math.atan2(-north, -east)
    return case.change(
        rows,
        lat=latitude(north + way_km * math.sin(angle)),
        lon=longitude(east + way_km * math.cos(angle)),
    )


def zero_capacity(rows: Rows, case: Case) -> Rows:
    """Take all docks from a station."""
    return case.change(rows, capacity=0)


def station_flap(rows: Rows, case: Case) -> Rows:
    """Leave out most stations."""
    gone = set(case.struck.station_ids)
    return [row for row in rows if row["station_id"] not in gone]


def id_format_change(rows: Rows, case: Case) -> Rows:
    """Number all stations instead of calling them by their ids."""
    numbers = {one: str(number) for number, one in enumerate(case.struck.station_ids, start=1)}
    return [row | {"station_id": numbers.get(row["station_id"], row["station_id"])} for row in rows]


def rename_and_back(rows: Rows, case: Case) -> Rows:
    """Give a station another name."""
    names = {station.station_id: station.name for station in case.city.stations}
    return case.change(rows, name=case.dialect.text(NEW_NAME.format(names[case.station_id])))


def capacity_oscillation(rows: Rows, case: Case) -> Rows:
    """Give a station more docks in every other hour."""
    if (case.at - case.since) // OSCILLATION_S % 2:
        return rows
    more = case.struck.station_ids
    return changed(rows, more, lambda row: row | {"capacity": row["capacity"] + EXTRA_DOCKS})


CHANGES: dict[FaultKind, Callable[[Rows, Case], Rows]] = {
    FaultKind.DUPLICATE_STATION: duplicate_station,
    FaultKind.ZERO_COORDINATES: zero_coordinates,
    FaultKind.SAME_ID_MOVE: same_id_move,
    FaultKind.ZERO_CAPACITY: zero_capacity,
    FaultKind.STATION_FLAP: station_flap,
    FaultKind.ID_FORMAT_CHANGE: id_format_change,
    FaultKind.RENAME_AND_BACK: rename_and_back,
    FaultKind.CAPACITY_OSCILLATION: capacity_oscillation,
}
