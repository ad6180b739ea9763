"""The lake: raw, append-only Delta tables. Every write of the platform goes through this module.

Exactly-once and fencing come from the format: a commit can carry a transaction name, which is
looked up before a write and which Delta refuses to commit twice at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import deltalake
import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    QueryBuilder,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from mobilake.errors import TransientError

log = logging.getLogger(__name__)

LANDED = (
    pa.field("landed_at", pa.timestamp("us", "UTC"), nullable=False),
    pa.field("landed_on", pa.date32(), nullable=False),
)
"""Every raw table ends with when its rows were committed, and is partitioned by that UTC day."""

ATTEMPTS = 20
UNFINISHED_HOURS = 24
CONFIGURATION = {
    "delta.setTransactionRetentionDuration": "interval 30 days",
    "delta.logRetentionDuration": "interval 30 days",
}


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


@dataclass(frozen=True)
class Lake:
    """Raw tables under one root, a folder or an object store's address.

    Args:
        root: where the lake stands; tables are in `<root>/raw/<name>`.
        clock: gives the time of landing, aware UTC.
        storage: credentials and options of an object store, as delta-rs names them.
    """

    root: str
    clock: Callable[[], datetime]
    storage: Mapping[str, str] | None = None

    def uri(self, table: RawTable) -> str:
        """Return the address of a raw table."""
        return f"{self.root}/raw/{table.name}"

    def open(self, table: RawTable) -> DeltaTable:
        """Return the table at its present version, made if it is not there yet."""
        storage = dict(self.storage) if self.storage else None
        try:
            return DeltaTable(self.uri(table), storage_options=storage)
        except TableNotFoundError:
            with suppress(CommitFailedError):  # another process made it at the same time
                DeltaTable.create(
                    self.uri(table),
                    schema=deltalake.Schema.from_arrow(table.schema),
                    mode="ignore",
                    partition_by=["landed_on"],
                    name=table.name,
                    description=table.description,
                    configuration=CONFIGURATION,
                    storage_options=storage,
                )
            return DeltaTable(self.uri(table), storage_options=storage)

    def append(self, table: RawTable, rows: pa.Table, transaction: str | None = None) -> int:
        """Append rows in one commit and return how many were new: all of them, or none.

        Args:
            rows: the columns of `table.columns`, in any order.
            transaction: a name for this write; a write of the same name is done only once.
        """

        def once(delta: DeltaTable) -> tuple[pa.Table, str | None, int]:
            done = transaction and delta.transaction_version(transaction) is not None
            return (rows.slice(0, 0) if done else rows), transaction, 1

        return self._commit(table, once)

    def append_new(self, table: RawTable, rows: pa.Table, key: str, scope: str) -> int:
        """Append the rows whose `key` the table does not hold yet; return how many that were.

        Writers of the same scope exclude each other: the one that comes second looks again.

        Args:
            rows: as for `append`; a key that comes twice among them counts once.
            key: a text column that names a row.
            scope: who may hold the same keys, such as one system's feed.
        """
        first = first_of_each(rows, key)

        def unknown(delta: DeltaTable) -> tuple[pa.Table, str | None, int]:
            known = self._known(delta, first, key)
            fresh = _filtered(first, [value not in known for value in column(first, key)])
            return fresh, scope, delta.version() + 1

        return self._commit(table, unknown)

    def read(self, table: RawTable, columns: list[str], where: str | None = None) -> pa.Table:
        """Return the table's rows, whole: for small tables and narrow columns only.

        Args:
            where: a condition in delta-rs's SQL, from our own code only.
        """
        condition = f" where {where}" if where else ""
        query = f"select {', '.join(columns)} from it{condition}"
        reader = QueryBuilder().register("it", self.open(table)).execute(query)
        return pa.table(reader.read_all())

    def expire(self, table: RawTable, days: int) -> int:
        """Delete the days that landed more than `days` ago, and their files; return the rows.

        Files that refused or killed writers left behind, which no version names, go as well once
        nobody can be about to commit them.
        """
        delta = self.open(table)
        limit: date = (self.clock() - timedelta(days=days)).date()
        if not any(
            day["landed_on"] and day["landed_on"] < str(limit) for day in delta.partitions()
        ):
            return 0
        gone = delta.delete(f"landed_on < cast('{limit}' as date)")["num_deleted_rows"]
        delta.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        delta.vacuum(
            retention_hours=UNFINISHED_HOURS,
            dry_run=False,
            enforce_retention_duration=False,
            full=True,
        )
        return int(gone or 0)

    def _known(self, delta: DeltaTable, rows: pa.Table, key: str) -> set[str]:
        wanted = pa.table({"wanted": rows.column(key)})
        if not wanted.num_rows:
            return set()
        low, high = (_quoted(end(column(rows, key))) for end in (min, max))
        query = f"select {key} from it where {key} >= {low} and {key} <= {high}"
        found = pa.table(QueryBuilder().register("it", delta).execute(query).read_all())
        return set(column(found, key))

    def _commit(
        self, table: RawTable, choose: Callable[[DeltaTable], tuple[pa.Table, str | None, int]]
    ) -> int:
        for attempt in range(ATTEMPTS):
            delta = self.open(table)
            rows, transaction, version = choose(delta)
            if not rows.num_rows:
                return 0
            try:
                write_deltalake(
                    delta,
                    self._landing(table, rows),
                    mode="append",
                    writer_properties=table.writer,
                    commit_properties=_named(transaction, version),
                )
            except CommitFailedError:
                log.info("another writer was first on %s; looking again", table.name)
                time.sleep(0.01 * (attempt + 1))
                continue
            return int(rows.num_rows)
        raise TransientError(
            f"The raw table {table.name} is being written by too many at once: try again later."
        )

    def _landing(self, table: RawTable, rows: pa.Table) -> pa.Table:
        now = self.clock().astimezone(UTC)
        columns = {name: rows.column(name) for name in table.columns.names}
        count = rows.num_rows
        columns["landed_at"] = pa.repeat(pa.scalar(now, LANDED[0].type), count)
        columns["landed_on"] = pa.repeat(pa.scalar(now.date(), LANDED[1].type), count)
        return pa.table(columns).cast(table.schema)


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
    return _filtered(rows, keep)


def _filtered(rows: pa.Table, keep: list[bool]) -> pa.Table:
    return rows.filter(pa.array(keep, pa.bool_()))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _named(transaction: str | None, version: int) -> CommitProperties | None:
    """Name a commit. Delta forgets names by the machine's clock, so this is no time of ours."""
    if transaction is None:
        return None
    stamp = int(time.time() * 1000)
    return CommitProperties(
        app_transactions=[Transaction(transaction, version, last_updated=stamp)]
    )
