"""What a raw table is, and rows as Arrow tables of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import ColumnProperties, WriterProperties

LANDED = (
    pa.field("landed_at", pa.timestamp("us", "UTC"), nullable=False),
    pa.field("landed_on", pa.date32(), nullable=False),
)
"""Every raw table ends with when its rows were committed, and is partitioned by that UTC day."""

ROW_GROUP_BYTES = 4 << 20
"""Text in a row group. What is parsed of one is in memory at once, several times as large."""


ROW, BLANK, ITEMS, TEXT, SEALED = "row", "blank", "items", "text", "sealed"


@dataclass(frozen=True)
class Subject:
    """A column in which people or devices stand, and what erasing one does.

    Attributes:
        manner: `ROW`: the column is a pseudonym, and its row goes. `BLANK`: it is one, and becomes
            null. `ITEMS`: it is a JSON document with pseudonyms among its values, and the items
            that have one are taken out of their lists. `TEXT`: an id can stand anywhere in it, and
            it becomes null. `SEALED`: an id can stand in what was encrypted, and its row goes.
    """

    column: str
    manner: str


@dataclass(frozen=True)
class RawTable:
    """A raw table's name, purpose and columns (those of `LANDED` come on top).

    Attributes:
        row_group_rows: how many rows share a Parquet row group at most; large ones are fewer.
        is_plain: whether its files are written without dictionaries and at the lowest level of
            compression. Of rows of short texts that halves the time, and they are no larger.
        key: the column that names a row; needed for subjects in `ITEMS`, `TEXT` and `SEALED`.
        may_age: whether no model needs its rows any more once a build has read them.
        subjects: the columns in which people or devices stand. A column `erased_at`, where there
            is one, says of a row that something was taken out of it.
    """

    name: str
    description: str
    columns: pa.Schema
    row_group_rows: int = 64
    is_plain: bool = False
    key: str | None = None
    may_age: bool = False
    subjects: tuple[Subject, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The table's whole schema."""
        return pa.schema([*self.columns, *LANDED])

    def writer(self, row_bytes: float) -> WriterProperties:
        """How its files are written, on append and on compaction alike.

        Statistics are cut at 64 bytes: without that whole bodies go into the Delta log.

        Args:
            row_bytes: the text in a row, as `typical` has it.
        """
        fitting = int(ROW_GROUP_BYTES // max(row_bytes, 1))
        return WriterProperties(
            compression="ZSTD",
            compression_level=1 if self.is_plain else 3,
            max_row_group_size=max(1, min(fitting, self.row_group_rows)),
            statistics_truncate_length=64,
            default_column_properties=ColumnProperties(dictionary_enabled=not self.is_plain),
        )


def typical(sizes: Iterable[tuple[int, int]]) -> float:
    """Return the bytes of a row among which a byte stands, on average.

    A few large rows among many small ones count by their size, not by their number.

    Args:
        sizes: rows and their bytes, of each group of rows.
    """
    known = [(rows, size) for rows, size in sizes if rows]
    whole = sum(size for _, size in known)
    return sum(size * size / rows for rows, size in known) / whole if whole else 0.0


def typical_text(rows: pa.Table) -> float:
    """Return the same of the text in rows, each a group of its own."""
    sizes = pa.repeat(pa.scalar(0.0), rows.num_rows)
    for field, values in zip(rows.schema, rows.columns, strict=True):
        if pa.types.is_string(field.type):
            length = pc.fill_null(pc.binary_length(values), 0)
            sizes = pc.add(sizes, length.cast(pa.float64()))
    whole = pc.sum(sizes).as_py() or 0.0
    return pc.sum(pc.multiply(sizes, sizes)).as_py() / whole if whole else 0.0


def rows_of(table: RawTable, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Return dictionaries as an Arrow table of the raw table's columns; what is absent is null."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=table.columns)


def column(rows: pa.Table, name: str) -> list[str]:
    """Return a text column as a list."""
    return [str(value) for value in rows.column(name).to_pylist()]


def first_of_each(rows: pa.Table, key: str) -> pa.Table:
    """Return the rows without those whose key came before."""
    seen: set[str] = set()
    keep = []
    for value in column(rows, key):
        keep.append(value not in seen)
        seen.add(value)
    return filtered(rows, keep)


def filtered(rows: pa.Table, keep: list[bool]) -> pa.Table:
    """Return the rows that are to be kept."""
    return rows.filter(pa.array(keep, pa.bool_()))
