"""What a raw table is, and rows as Arrow tables of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from deltalake import WriterProperties

LANDED = (
    pa.field("landed_at", pa.timestamp("us", "UTC"), nullable=False),
    pa.field("landed_on", pa.date32(), nullable=False),
)
"""Every raw table ends with when its rows were committed, and is partitioned by that UTC day."""


@dataclass(frozen=True)
class RawTable:
    """A raw table's name, purpose and columns (those of `LANDED` come on top).

    Attributes:
        row_group_rows: how many rows share a Parquet row group. DuckDB reads 2,048 rows at once,
            so large bodies need small groups to fit memory.
    """

    name: str
    description: str
    columns: pa.Schema
    row_group_rows: int = 64

    @property
    def schema(self) -> pa.Schema:
        """The table's whole schema."""
        return pa.schema([*self.columns, *LANDED])

    @property
    def writer(self) -> WriterProperties:
        """How its files are written, on append and on compaction alike.

        Statistics are cut at 64 bytes: without that whole bodies go into the Delta log.
        """
        return WriterProperties(
            compression="ZSTD",
            compression_level=3,
            max_row_group_size=self.row_group_rows,
            statistics_truncate_length=64,
        )


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
