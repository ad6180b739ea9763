"""What has changed in a table since the lake was told: found by its keys and stamps.

The lake itself is the memory: it holds the last state of each row, so that a pass that was killed
at any moment is made good by the next one, also where the folder of dlt's state is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeGuard

import pyarrow as pa

from ingestion.sources.ops.tables import STAMP

ONE_BY_ONE = 300
"""So many rows are asked for by their keys; of more the whole table is read."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass(frozen=True)
class Known:
    """What the lake holds of a table.

    Attributes:
        rows: stamp and hash of each row that was there, by its id.
        read_at: when the last state was read; None where nothing was.
    """

    rows: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    read_at: datetime | None = None

    @classmethod
    def of(cls, states: pa.Table) -> Known:
        """Make it of all states that have landed; of each row the last one counts."""
        columns = ("row_id", STAMP, "row_hash", "is_deleted", "read_at")
        states_of_rows = zip(*(states.column(name).to_pylist() for name in columns), strict=True)
        ordered = sorted(states_of_rows, key=lambda state: state[2], reverse=True)
        ordered.sort(key=lambda state: state[4])
        rows: dict[str, tuple[str | None, str]] = {}
        for row_id, stamp, row_hash, is_deleted, _ in ordered:
            if is_deleted:
                rows.pop(row_id, None)
            else:
                rows[row_id] = (stamp, row_hash)
        return cls(rows, ordered[-1][4] if ordered else None)

    def hash_of(self, row_id: str) -> str | None:
        """Return the hash of a row that was there, or None where it was not."""
        return self.rows[row_id][1] if row_id in self.rows else None

    def overlap_from(self, overlap: timedelta) -> str | None:
        """Return the stamp from which on rows are read again; None where none is known."""
        newest = max((stamp for stamp, _ in self.rows.values() if _is_time(stamp)), default=None)
        if newest is None:
            return None
        earlier = datetime.fromisoformat(newest.rstrip("Z")) - overlap
        return f"{earlier.isoformat(timespec='microseconds')}Z"


@dataclass(frozen=True)
class Listed:
    """A row as listed: its id, its stamp as text, and key and stamp as the database has them."""

    row_id: str
    stamp: str | None
    key: tuple[Any, ...]
    raw_stamp: Any


@dataclass
class Plan:
    """What a pass asks for.

    Attributes:
        whole: whether the whole table is read.
        since: the database's own stamp from which on rows are read; None for none.
        keys: rows that are read besides.
        gone: the ids of rows that are known and not there any more.
        there: how many rows were listed.
    """

    whole: bool = False
    since: Any = None
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    there: int = 0

    @property
    def reads(self) -> bool:
        """Whether any row is asked for."""
        return self.whole or self.since is not None or bool(self.keys)


def plan(
    listed: Iterable[Listed], known: Known, overlap: timedelta, *, stamps_compare: bool
) -> Plan:
    """Compare what is listed with what is known.

    A row is read if its stamp is not the one known, if it has none, or if it lies in the overlap.
    A table that is empty now is taken for a mistake, not for deletions.

    Args:
        stamps_compare: whether the database can compare stamps by time, which it cannot where
            they are texts.
    """
    found = Plan()
    overlap_from = known.overlap_from(overlap)
    seen: set[str] = set()
    for row in listed:
        found.there += 1
        seen.add(row.row_id)
        is_late = row.stamp is None or row.stamp != known.rows.get(row.row_id, (None, ""))[0]
        is_near = overlap_from is not None and _is_time(row.stamp) and row.stamp >= overlap_from
        if is_near and stamps_compare:
            found.since = row.raw_stamp if found.since is None else min(found.since, row.raw_stamp)
        elif (is_near or is_late) and len(found.keys) <= ONE_BY_ONE:
            found.keys.append(row.key)
    found.whole = len(found.keys) > ONE_BY_ONE
    found.gone = [row_id for row_id in known.rows if row_id not in seen] if seen else []
    return found


def _is_time(stamp: str | None) -> TypeGuard[str]:
    return stamp is not None and _TIME.fullmatch(stamp) is not None
