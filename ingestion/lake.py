"""The lake: raw, append-only Delta tables. Every write of the platform goes through this module.

Exactly-once and fencing come from the format: a commit can carry a transaction name, which is
looked up before a write and which Delta refuses to commit twice at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import deltalake
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from ingestion import upkeep
from ingestion.raw import (
    LANDED,
    RawTable,
    column,
    filtered,
    first_of_each,
    rows_of,
    typical_text,
)
from mobilake.errors import MobilakeError, TransientError
from mobilake.locks import alone

__all__ = ["LANDED", "Lake", "RawTable", "column", "first_of_each", "rows_of"]

log = logging.getLogger(__name__)

ATTEMPTS = 20
LOOKS = 100
"""Each look at what was committed since leaves a little behind: a table is opened anew at times."""
Result = TypeVar("Result")
Chosen = tuple[pa.Table, Mapping[str, int]]
"""What a commit adds, and the transactions that it carries: their versions by name."""
Moves = Mapping[str, tuple[int | None, int]]
"""Where named positions of a table stand (None: nowhere yet), and where a commit moves them."""


class Overtaken(MobilakeError):
    """Raised where a position is not where its writer left it: there is another writer."""


@dataclass
class Kept:
    """A raw table that stays open for who appends often; `delta` is what was seen of it last."""

    delta: DeltaTable
    looks: int = 0


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

    def is_there(self, table: RawTable) -> bool:
        """Tell whether a raw table has been made."""
        return self._is_delta(self.uri(table))

    def open(self, table: RawTable) -> DeltaTable:
        """Return the table at its present version, made if it is not there yet.

        A table that an earlier version of ours made gets the columns that have been added since.
        """
        storage = dict(self.storage) if self.storage else None
        try:
            return self._with_all_columns(
                table, DeltaTable(self.uri(table), storage_options=storage)
            )
        except TableNotFoundError:
            with suppress(CommitFailedError):  # another process made it at the same time
                DeltaTable.create(
                    self.uri(table),
                    schema=deltalake.Schema.from_arrow(table.schema),
                    mode="ignore",
                    partition_by=["landed_on"],
                    name=table.name,
                    description=table.description,
                    configuration=upkeep.CONFIGURATION,
                    storage_options=storage,
                )
            return DeltaTable(self.uri(table), storage_options=storage)

    def keep(self, table: RawTable, has_to_be_there: bool = False) -> Kept:
        """Open a table for who appends often, or reads what is appended.

        Args:
            has_to_be_there: whether it is not made, if it is not there.

        Raises:
            MobilakeError: it is not there, and has to be.
        """
        if has_to_be_there:
            self._check_there(self.uri(table))
        return Kept(self.open(table))

    def append(
        self,
        table: RawTable,
        rows: pa.Table,
        transaction: str | None = None,
        version: int = 1,
        into: Kept | None = None,
    ) -> int:
        """Append rows in one commit and return how many were new: all of them, or none.

        Args:
            rows: the columns of `table.columns`, in any order.
            transaction: a name for this write; a write of the same name is done only once.
            version: tells apart a row of writes of the same name; it only rises.
            into: the table as it is kept open, for who appends often. It is not made anew if it
                has gone, as it would be on a disk that is not mounted.

        Raises:
            MobilakeError: `into` has gone.
        """

        def once(delta: DeltaTable) -> Chosen | None:
            done = (delta.transaction_version(transaction) or 0) if transaction else 0
            if done >= version or not rows.num_rows:
                return None
            return rows, {transaction: version} if transaction else {}

        return self._commit(table, once, into)

    def advance(
        self, table: RawTable, rows: pa.Table, moves: Moves, into: Kept | None = None
    ) -> int:
        """Append rows and move positions in one commit; return how many rows were new.

        The same call again, after one of which nobody knows how it ended, does nothing more.

        Args:
            rows: as for `append`; there may be none.

        Raises:
            Overtaken: a position stands elsewhere: another writer reads the same.
            MobilakeError: `into` has gone.
        """
        ends = {name: end for name, (_, end) in moves.items()}

        def all_or_none(delta: DeltaTable) -> Chosen | None:
            stand = {name: delta.transaction_version(name) for name in moves}
            if stand == ends:
                return None
            for name, (start, end) in moves.items():
                if stand[name] not in (start, None):  # Delta forgets a name that long did not move
                    raise Overtaken(
                        f"{name} was to be taken from {start} to {end}, and stands at "
                        f"{stand[name]} in the lake: another lander reads it. Stop one of them."
                    )
            return rows, ends

        return self._commit(table, all_or_none, into)

    def append_new(
        self, table: RawTable, rows: pa.Table, key: str, scope: str, into: Kept | None = None
    ) -> int:
        """Append the rows whose `key` the table does not hold yet; return how many that were.

        Writers of the same scope exclude each other: the one that comes second looks again.

        Args:
            rows: as for `append`; a key that comes twice among them counts once.
            key: a text column that names a row.
            scope: who may hold the same keys, such as one system's feed.
            into: as for `append`.
        """
        first = first_of_each(rows, key)

        def unknown(delta: DeltaTable) -> Chosen | None:
            known = self._known(delta, first, key)
            fresh = filtered(first, [value not in known for value in column(first, key)])
            return (fresh, {scope: delta.version() + 1}) if fresh.num_rows else None

        return self._commit(table, unknown, into)

    def read(self, table: RawTable, columns: list[str], where: str | None = None) -> pa.Table:
        """Return the table's rows, whole: for small tables and narrow columns only.

        Args:
            where: a condition in delta-rs's SQL, from our own code only.
        """
        condition = f" where {where}" if where else ""
        query = f"select {', '.join(columns)} from it{condition}"
        reader = QueryBuilder().register("it", self.open(table)).execute(query)
        return pa.table(reader.read_all())

    def batches(
        self, table: RawTable, query: str, at: DeltaTable | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield what a query in delta-rs's SQL says of the table, which it calls `it`.

        Args:
            at: the table at the version that is asked.
        """
        for batch in QueryBuilder().register("it", at or self.open(table)).execute(query):
            yield pa.record_batch(batch)

    def look(self, kept: Kept) -> None:
        """Look at what was committed to a table since.

        Raises:
            MobilakeError: the table has gone.
        """
        self._still_there(kept)

    def version(self, kept: Kept) -> int:
        """Return the version of a table that was seen last."""
        return kept.delta.version()

    def files(self, kept: Kept, since: date) -> set[str]:
        """Return the addresses of a table's files of the days from one on, as it was seen last."""
        return set(
            kept.delta.file_uris(file_pruning_predicate=f"landed_on >= '{since.isoformat()}'")
        )

    def expire(self, table: RawTable, days: int) -> int:
        """Delete the days that landed more than `days` ago, and their files; return the rows.

        Raises:
            TransientError: others rewrite the table all the time.
        """
        limit: date = (self.clock() - timedelta(days=days)).date()
        return self.rewritten(table, lambda delta: upkeep.expire(delta, limit))

    def drop_days(self, table: RawTable, before: date) -> int:
        """Delete the days that landed before one; return the rows. `sweep` removes their files.

        Raises:
            TransientError: others rewrite the table all the time.
        """
        return self.rewritten(table, lambda delta: upkeep.drop_days(delta, before))

    def compact(self, table: RawTable) -> tuple[int, int]:
        """Merge the small files of each day; return how many there were, and how many there are.

        Others may write meanwhile. The files that were merged stay for the readers that have them
        open, until `sweep`. Two compactions at once would double what they merge, and delta-rs
        refuses neither: a lock does, in a lake that is a folder.

        Raises:
            TransientError: another process compacts the table, or others rewrite it all the time.
        """
        local = "://" not in self.root
        lock = Path(self.uri(table)) / "_compact.lock"  # the underscore keeps it from being swept
        with alone(lock, f"compact {table.name}") if local else nullcontext():
            return self.rewritten(table, lambda delta: upkeep.compact(delta, table))

    def sweep(self, table: RawTable, days: int) -> int:
        """Remove files that no version of the last `days` needs; return how many."""
        return upkeep.sweep(self.open(table), days * 24)

    def rewritten(self, table: RawTable, rewrite: Callable[[DeltaTable], Result]) -> Result:
        """Rewrite rows of a table, and again from the start where another process was first.

        Raises:
            TransientError: others rewrite the table all the time.
        """
        for _ in range(ATTEMPTS):
            try:
                return rewrite(self.open(table))
            except (DeltaError, FileNotFoundError) as error:  # others rewrote or removed the files
                if not isinstance(error, CommitFailedError) and "not found" not in str(error):
                    raise
        raise TransientError(f"The raw table {table.name} is being rewritten: try again later.")

    def _known(self, delta: DeltaTable, rows: pa.Table, key: str) -> set[str]:
        wanted = pa.table({"wanted": rows.column(key)})
        if not wanted.num_rows:
            return set()
        low, high = (_quoted(end(column(rows, key))) for end in (min, max))
        query = f"select {key} from it where {key} >= {low} and {key} <= {high}"
        found = pa.table(QueryBuilder().register("it", delta).execute(query).read_all())
        return set(column(found, key))

    def _commit(
        self,
        table: RawTable,
        choose: Callable[[DeltaTable], Chosen | None],
        into: Kept | None = None,
    ) -> int:
        for attempt in range(ATTEMPTS):
            delta = self._still_there(into) if into else self.open(table)
            chosen = choose(delta)
            if chosen is None:
                return 0
            rows, transactions = chosen
            try:
                write_deltalake(
                    delta,
                    self._landing(table, rows, delta),
                    mode="append",
                    writer_properties=table.writer(typical_text(rows)),
                    commit_properties=_named(transactions),
                )
            except CommitFailedError:
                log.info("another writer was first on %s; looking again", table.name)
                time.sleep(0.01 * (attempt + 1))
                continue
            return int(rows.num_rows)
        raise TransientError(
            f"The raw table {table.name} is being written by too many at once: try again later."
        )

    def _still_there(self, kept: Kept) -> DeltaTable:
        uri, storage = kept.delta.table_uri, dict(self.storage) if self.storage else None
        self._check_there(uri)
        kept.looks += 1
        try:
            if kept.looks % LOOKS:
                kept.delta.update_incremental()
                return kept.delta
        except DeltaError:  # after a long pause, of whose beginning the log holds nothing any more
            pass
        kept.delta = DeltaTable(uri, storage_options=storage)
        return kept.delta

    def _is_delta(self, uri: str) -> bool:
        return DeltaTable.is_deltatable(uri, dict(self.storage) if self.storage else None)

    def _check_there(self, uri: str) -> None:
        if not self._is_delta(uri):
            raise MobilakeError(f"{uri} is no longer there: is its disk mounted?")

    def _with_all_columns(self, table: RawTable, delta: DeltaTable) -> DeltaTable:
        there = {field.name for field in delta.schema().fields}
        missing = [field for field in table.columns if field.name not in there]
        if missing:
            fields = deltalake.Schema.from_arrow(pa.schema(missing)).fields
            with suppress(CommitFailedError):  # another process added them at the same time
                delta.alter.add_columns(fields)
            delta.update_incremental()
        return delta

    def _landing(self, table: RawTable, rows: pa.Table, delta: DeltaTable) -> pa.Table:
        now = self.clock().astimezone(UTC)
        columns = {name: rows.column(name) for name in table.columns.names}
        count = rows.num_rows
        columns["landed_at"] = pa.repeat(pa.scalar(now, LANDED[0].type), count)
        columns["landed_on"] = pa.repeat(pa.scalar(now.date(), LANDED[1].type), count)
        landing = pa.table(columns).cast(table.schema)
        return landing.select([field.name for field in delta.schema().fields])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _named(transactions: Mapping[str, int]) -> CommitProperties | None:
    """Name a commit. Delta forgets names by the machine's clock, so this is no time of ours."""
    if not transactions:
        return None
    stamp = int(time.time() * 1000)
    return CommitProperties(
        app_transactions=[
            Transaction(name, version, last_updated=stamp) for name, version in transactions.items()
        ]
    )
