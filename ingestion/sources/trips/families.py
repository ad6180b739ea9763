"""Families of trip files, told by the names in a file's header, never by its date.

What a family's columns are stands in `seeds/trip_columns.csv`, which the models can read as well.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.sources.trips.tables import FIELDS
from mobilake.errors import MobilakeError

SEED = Path("seeds/trip_columns.csv")
DELIMITERS = (",", ";", "\t", "|")
KEEP, HASH, BAND, DROP = "keep", "hash", "band", "drop"


@dataclass(frozen=True)
class Column:
    """What a column is: a field, and how its values are protected (`KEEP`, `HASH` ...)."""

    field: str
    treatment: str


@dataclass(frozen=True)
class Family:
    """The columns of a family by their normalised names, and the fields that none goes without."""

    name: str
    columns: Mapping[str, Column]
    required: frozenset[str]

    @property
    def is_personal(self) -> bool:
        """Whether a line of it can hold personal values."""
        return any(column.treatment != KEEP for column in self.columns.values())


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are read.

    Attributes:
        columns: for each place of a line what stands there; None where nothing is declared.
        undeclared: names of columns that the family does not declare; their values do not land.
    """

    family: Family
    delimiter: str
    names: tuple[str, ...]
    columns: tuple[Column | None, ...]
    undeclared: tuple[str, ...]


def normalised(name: str) -> str:
    """Return a column's name without case, spaces and punctuation."""
    return re.sub("[^a-z0-9]", "", name.lower())


def read_families(root: Path) -> list[Family]:
    """Return the families that the project's seed declares.

    Raises:
        MobilakeError: the seed names a field or treatment that there is not.
    """
    columns: dict[str, dict[str, Column]] = {}
    required: dict[str, set[str]] = {}
    with (root / SEED).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            column = Column(row["field"], row["treatment"])
            if column.treatment not in (KEEP, HASH, BAND, DROP) or (
                column.field not in FIELDS and column.treatment != DROP
            ):
                raise MobilakeError(
                    f"{SEED} has a column that cannot be: {', '.join(row.values())}."
                )
            columns.setdefault(row["family"], {})[row["column_name"]] = column
            needed = required.setdefault(row["family"], set())
            if row["is_required"] == "true":
                needed.add(column.field or row["column_name"])
    return [Family(name, columns[name], frozenset(required[name])) for name in columns]


def layout_of(header: str, families: Sequence[Family]) -> Layout | None:
    """Return how to read the lines below a header, or None where no family has such a header.

    A family fits where each of its required fields has a column; of several, the one that declares
    the most columns of the header.
    """
    fitting = [
        (sum(column is not None for column in layout.columns), -number, layout)
        for delimiter in DELIMITERS
        for number, family in enumerate(families)
        if (layout := _fitted(header, delimiter, family))
    ]
    return max(fitting, key=lambda fit: fit[:2])[2] if fitting else None


def _fitted(header: str, delimiter: str, family: Family) -> Layout | None:
    names = tuple(next(csv.reader([header], delimiter=delimiter), []))
    columns: list[Column | None] = []
    taken: set[str] = set()
    for name in names:
        key = normalised(name)
        column = family.columns.get(key)
        meaning = (column.field or key) if column else ""
        columns.append(None if meaning in taken else column)
        taken |= {meaning} if column else set()
    if not family.required <= taken:
        return None
    undeclared = tuple(
        name for name, column in zip(names, columns, strict=True) if not column and name.strip()
    )
    return Layout(family, delimiter, names, tuple(columns), undeclared)
