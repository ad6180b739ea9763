"""A fault in force at a moment, with all that the functions which change documents need to know."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from simulator.city import City
from simulator.faults.kinds import Fault
from simulator.faults.struck import Struck
from simulator.gbfs.dialect import Dialect

Row = dict[str, Any]
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class Case:
    """A fault at a second.

    Attributes:
        fault: the fault in force.
        at: the second that the document is of.
        since: the second that the document was of when the fault began.
        struck: what the fault strikes.
        city: the city as it truly is.
        dialect: how the document is written.
        rows_then: gives the rows of the document as they were when the fault began.
    """

    fault: Fault
    at: int
    since: int
    struck: Struck
    city: City
    dialect: Dialect
    rows_then: Callable[[], Rows]

    @property
    def station_id(self) -> str:
        """Return the one station that is struck."""
        return self.struck.station_ids[0]

    def change(self, rows: Rows, **values: Any) -> Rows:
        """Return the rows with other values at the one station that is struck."""
        return changed(rows, self.struck.station_ids[:1], lambda row: row | values)


def changed(rows: Rows, station_ids: Collection[str], change: Callable[[Row], Row]) -> Rows:
    """Return the rows with some stations' changed."""
    return [change(row) if row["station_id"] in station_ids else row for row in rows]


def row_of(rows: Rows, station_id: str) -> Row:
    """Return the row of a station."""
    return next(row for row in rows if row["station_id"] == station_id)
