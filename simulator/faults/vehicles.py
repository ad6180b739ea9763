"""Faults in the rows of ``free_bike_status`` and ``vehicle_status``."""

from collections.abc import Callable

from simulator.faults.case import Case, Row, Rows
from simulator.faults.kinds import FaultKind
from simulator.geography import latitude, longitude
from simulator.states import scooters_at


def id_not_rotated(rows: Rows, case: Case) -> Rows:
    """Show some scooters under the id that they had when the fault began."""
    then, now = scooters_at(case.city, case.since), scooters_at(case.city, case.at)
    kept = {now[one].vehicle_id: then[one].vehicle_id for one in case.struck.scooters}
    name = case.dialect.vehicle_id
    return [row | {name: kept.get(row[name], row[name])} for row in rows]


def geofence_breach(rows: Rows, case: Case) -> Rows:
    """Show a scooter far outside the service area."""
    states = scooters_at(case.city, case.at)
    strays = {states[scooter].vehicle_id for scooter in case.struck.scooters}
    east, north = case.city.area.beyond()
    away = {"lat": latitude(north), "lon": longitude(east)}

    def astray(row: Row) -> Row:
        return {field: value for field, value in row.items() if field != "station_id"} | away

    return [astray(row) if row[case.dialect.vehicle_id] in strays else row for row in rows]


CHANGES: dict[FaultKind, Callable[[Rows, Case], Rows]] = {
    FaultKind.ID_NOT_ROTATED: id_not_rotated,
    FaultKind.GEOFENCE_BREACH: geofence_breach,
}
