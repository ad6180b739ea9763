"""Rows on their way into the lake: kept in memory, committed together every few seconds.

Rows that the lake does not take are kept and tried again, under the same transaction, so that a
commit whose answer was lost lands once. Above a bound there is no room for more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import anyio
import anyio.to_thread
import pyarrow as pa

from ingestion.lake import Kept, Lake, RawTable, rows_of
from mobilake.errors import TransientError, explain
from mobilake.settings import Poll

log = logging.getLogger(__name__)

MEGABYTE = 1 << 20
LAST_TRIES = 3
PAUSE_S = 1.0


@dataclass
class _Queue:
    """What waits for one raw table: rows, and those of a commit that has not succeeded yet."""

    table: RawTable
    kept: Kept
    rows: list[pa.Table] = field(default_factory=list)
    batch: pa.Table | None = None
    batch_bytes: int = 0
    number: int = 0

    @property
    def waiting(self) -> int:
        return len(self.rows) + (self.batch.num_rows if self.batch is not None else 0)

    def next_batch(self) -> pa.Table | None:
        if self.batch is None and self.rows:
            self.batch_bytes = sum(row.nbytes for row in self.rows)
            self.batch = pa.concat_tables(self.rows).combine_chunks()
            self.rows = []
            self.number += 1
        return self.batch


class Landing:
    """The way into some raw tables of the lake."""

    def __init__(self, lake: Lake, tables: Sequence[RawTable], settings: Poll) -> None:
        self._lake = lake
        self._settings = settings
        self._writer = f"landing:{uuid4()}"  # names our commits, and nobody else's
        self._queues = {table.name: _Queue(table, lake.keep(table)) for table in tables}
        self._bytes = 0
        self._enough = anyio.Event()
        self._commits = anyio.CapacityLimiter(1)
        self._trouble: str | None = None
        self._said_full = False

    @property
    def waiting(self) -> int:
        """How many rows have not landed yet."""
        return sum(queue.waiting for queue in self._queues.values())

    @property
    def trouble(self) -> str | None:
        """Why the lake takes no rows at present; None while it does."""
        return self._trouble

    @property
    def has_room(self) -> bool:
        """Whether more may be taken in."""
        return self._bytes < self._settings.waiting_mb * MEGABYTE

    def add(self, table: RawTable, row: Mapping[str, object]) -> None:
        """Take a row of the table's columns."""
        rows = rows_of(table, [row])
        self._queues[table.name].rows.append(rows)
        self._bytes += rows.nbytes
        if self._bytes >= self._settings.flush_mb * MEGABYTE:
            self._enough.set()
        if not self.has_room and not self._said_full:
            self._said_full = True
            log.error(
                "No polls are made until the lake takes rows again: %s wait in memory (%s).",
                f"{self.waiting:,}",
                self._trouble or "it takes them too slowly",
            )

    async def run(self) -> None:
        """Commit what waits, again and again, until cancelled."""
        while True:
            with anyio.move_on_after(self._settings.flush_s):
                if self._trouble:
                    await anyio.sleep_forever()
                await self._enough.wait()
            await self.flush()

    async def flush(self) -> None:
        """Commit what waits; what cannot be committed goes on waiting."""
        self._enough = anyio.Event()
        for queue in self._queues.values():
            while (batch := queue.next_batch()) is not None:
                trouble = await anyio.to_thread.run_sync(
                    self._commit, queue, batch, limiter=self._commits
                )
                self._tell(trouble)
                if trouble:
                    return
                queue.batch = None
                self._bytes -= queue.batch_bytes
                self._said_full = False

    async def close(self) -> None:
        """Commit what waits, for the last time.

        Raises:
            TransientError: the lake does not take it.
        """
        for _ in range(LAST_TRIES):
            await self.flush()
            if not self.waiting:
                return
            await anyio.sleep(PAUSE_S)
        raise TransientError(
            f"{self.waiting:,} rows of the last polls could not be landed and are lost "
            f"({self._trouble})."
        )

    def _commit(self, queue: _Queue, batch: pa.Table) -> str | None:
        try:
            self._lake.append(queue.table, batch, self._writer, queue.number, into=queue.kept)
        except Exception as error:
            log.debug("a commit to %s failed", queue.table.name, exc_info=True)
            return explain(error) or f"{type(error).__name__}: {error}"
        return None

    def _tell(self, trouble: str | None) -> None:
        if trouble and not self._trouble:
            log.error("The lake takes no rows (%s). They are kept and tried again.", trouble)
        elif self._trouble and not trouble:
            log.warning("The lake takes rows again.")
        self._trouble = trouble
