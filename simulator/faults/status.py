"""Faults in the rows of ``station_status``: one small function for each kind."""

from collections.abc import Callable

from simulator.city import SCOOTER_TYPE, VEHICLE_TYPES
from simulator.faults.case import Case, Row, Rows, changed, row_of
from simulator.faults.information import duplicate_station, id_format_change
from simulator.faults.kinds import FaultKind

GHOSTS = 6
TYPES = "vehicle_types_available"
EBIKES = "num_ebikes_available"


def missing_required_field(rows: Rows, case: Case) -> Rows:
    """Leave out how many vehicles a station has."""
    cut = case.dialect.available
    return changed(
        rows,
        case.struck.station_ids,
        lambda row: {field: value for field, value in row.items() if field != cut},
    )


def orphan_status(rows: Rows, case: Case) -> Rows:
    """Add a station that no list knows."""
    return [*rows, rows[case.fault.choose(len(rows))] | {"station_id": case.station_id}]


def missing_status(rows: Rows, case: Case) -> Rows:
    """Leave out a station."""
    return [row for row in rows if row["station_id"] != case.station_id]


def negative_count(rows: Rows, case: Case) -> Rows:
    """Say that a station has less than no free docks."""
    return case.change(rows, num_docks_available=-1)


def ghost_bikes(rows: Rows, case: Case) -> Rows:
    """Show bikes that are not there, more than the station has docks for."""
    return changed(rows, case.struck.station_ids, lambda row: _with_more(row, case, GHOSTS))


def ebikes_over_bikes(rows: Rows, case: Case) -> Rows:
    """Show more electric bikes than bikes."""
    available = case.dialect.available
    return changed(
        rows,
        case.struck.station_ids,
        lambda row: row | {EBIKES: row[available] + 2} if EBIKES in row else row,
    )


def types_sum_mismatch(rows: Rows, case: Case) -> Rows:
    """Show more classic bikes among the types than there are bikes."""
    return changed(
        rows,
        case.struck.station_ids,
        lambda row: row | _counts(row, VEHICLE_TYPES[0], row[case.dialect.available] + 2),
    )


def stale_last_reported(rows: Rows, case: Case) -> Rows:
    """Show a station as it was when the fault began, date and all."""
    then = row_of(case.rows_then(), case.station_id)
    return changed(rows, case.struck.station_ids, lambda row: then)


def absurd_last_reported(rows: Rows, case: Case) -> Rows:
    """Say that a station last reported in 1970."""
    return case.change(rows, last_reported=case.dialect.time(0))


def flag_lattice(rows: Rows, case: Case) -> Rows:
    """Say that a station rents, and that it is not there."""
    flag = case.dialect.flag
    return case.change(rows, is_installed=flag(False), is_renting=flag(True))


def frozen_station(rows: Rows, case: Case) -> Rows:
    """Show a station's counts as they were when the fault began, under dates that go on."""
    then = row_of(case.rows_then(), case.station_id)
    return changed(
        rows,
        case.struck.station_ids,
        lambda row: then | {"last_reported": row["last_reported"]},
    )


def full_and_empty(rows: Rows, case: Case) -> Rows:
    """Show a station with no bike and no free dock."""

    def neither(row: Row) -> Row:
        nothing: Row = {case.dialect.available: 0, "num_docks_available": 0}
        nothing |= {EBIKES: 0} if EBIKES in row else {}
        if TYPES in row:
            nothing[TYPES] = [kind | {"count": 0} for kind in row[TYPES]]
        return row | nothing

    return changed(rows, case.struck.station_ids, neither)


def disabled_counted(rows: Rows, case: Case) -> Rows:
    """Count the disabled scooters of a hub among those that can be taken."""

    def all_in(row: Row) -> Row:
        ready = row[case.dialect.available] + row[case.dialect.disabled]
        return (
            row
            | {case.dialect.available: ready, case.dialect.disabled: 0}
            | _counts(row, SCOOTER_TYPE, ready)
        )

    return changed(rows, case.struck.station_ids, all_in)


def _with_more(row: Row, case: Case, more: int) -> Row:
    """Return a row with so many more classic bikes."""
    classic = next((kind["count"] for kind in row.get(TYPES, ()) if _is_classic(kind)), 0)
    return (
        row
        | {case.dialect.available: row[case.dialect.available] + more}
        | _counts(row, VEHICLE_TYPES[0], classic + more)
    )


def _counts(row: Row, vehicle_type_id: str, count: int) -> Row:
    """Return the counts by type with another count of one type, where a row has them."""
    if TYPES not in row:
        return {}
    return {
        TYPES: [
            kind | {"count": count} if kind["vehicle_type_id"] == vehicle_type_id else kind
            for kind in row[TYPES]
        ]
    }


def _is_classic(kind: Row) -> bool:
    return bool(kind["vehicle_type_id"] == VEHICLE_TYPES[0])


CHANGES: dict[FaultKind, Callable[[Rows, Case], Rows]] = {
    FaultKind.MISSING_REQUIRED_FIELD: missing_required_field,
    FaultKind.DUPLICATE_STATION: duplicate_station,
    FaultKind.ID_FORMAT_CHANGE: id_format_change,
    FaultKind.ORPHAN_STATUS: orphan_status,
    FaultKind.MISSING_STATUS: missing_status,
    FaultKind.NEGATIVE_COUNT: negative_count,
    FaultKind.GHOST_BIKES: ghost_bikes,
    FaultKind.EBIKES_OVER_BIKES: ebikes_over_bikes,
    FaultKind.TYPES_SUM_MISMATCH: types_sum_mismatch,
    FaultKind.STALE_LAST_REPORTED: stale_last_reported,
    FaultKind.ABSURD_LAST_REPORTED: absurd_last_reported,
    FaultKind.FLAG_LATTICE: flag_lattice,
    FaultKind.FROZEN_STATION: frozen_station,
    FaultKind.FULL_AND_EMPTY: full_and_empty,
    FaultKind.DISABLED_COUNTED: disabled_counted,
}
