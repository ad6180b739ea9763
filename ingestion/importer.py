"""Recorded history into the lake: lines of files, each accepted, known already, or quarantined."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from ingestion.dead_letters import DEAD_LETTER, Rejected, Row
from ingestion.files import opened
from ingestion.lake import Kept, Lake, RawTable, rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context
from mobilake.errors import MobilakeError

BATCH_ROWS = 4096
BATCH_BYTES = 128 << 20

IMPORT_FILE = RawTable(
    name="import_file",
    description="One row per file imported: what was received, and what became of it.",
    columns=pa.schema(
        [
            pa.field("import_id", pa.string(), nullable=False),
            pa.field("scope", pa.string(), nullable=False),
            pa.field("file", pa.string(), nullable=False),
            pa.field("received", pa.int64(), nullable=False),
            pa.field("accepted", pa.int64(), nullable=False),
            pa.field("known", pa.int64(), nullable=False),
            pa.field("quarantined", pa.int64(), nullable=False),
            pa.field("started_at", pa.timestamp("us", "UTC"), nullable=False),
        ]
    ),
    row_group_rows=4096,
)


@dataclass(frozen=True)
class Counts:
    """What became of the lines of a file: accepted + known + quarantined = received."""

    received: int = 0
    accepted: int = 0
    known: int = 0
    quarantined: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.received + other.received,
            self.accepted + other.accepted,
            self.known + other.known,
            self.quarantined + other.quarantined,
        )


class LineReader(Protocol):
    """Turns a line into a row of the table, or raises `Rejected`."""

    def __call__(self, line: bytes, origin: str, position: int) -> Mapping[str, object]:
        """Return the row of the line at a position of a file."""
        ...


@dataclass(frozen=True)
class Target:
    """Where lines go: the table, the column that names a row, and who may hold the same names."""

    table: RawTable
    key: str
    scope: str


def import_file(
    context: Context,
    file: Path,
    target: Target,
    read_line: LineReader,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Counts:
    """Land the lines of a file that the lake does not hold yet.

    A batch is one commit, so a killed import leaves whole batches, and importing the file again
    adds what is missing. A file that turns out damaged is accounted for up to there.

    Args:
        progress: is told how many bytes of the file are read, and its size.

    Raises:
        MobilakeError: the file cannot be read, or not to its end.
    """
    started_at, total = context.clock(), Counts()
    # the models read all three, also where nothing comes to stand there
    tables = (target.table, DEAD_LETTER, RESTRICTED)
    into = {table.name: context.lake.keep(table) for table in tables}
    with opened(file) as (lines, tell):
        size = file.stat().st_size
        try:
            for batch in _batches(lines):
                total += _land(context.lake, into, batch, file.name, target, read_line)
                progress(tell(), size)
        finally:
            progress(size, size)
            account(context.lake, file.name, target.scope, started_at, total)
    return total


def account(lake: Lake, file: str, scope: str, started_at: datetime, counts: Counts) -> None:
    """Record what became of the lines of a file."""
    row = {
        "import_id": name_of(scope, file, started_at.isoformat()),
        "scope": scope,
        "file": file,
        "started_at": started_at,
        **vars(counts),
    }
    lake.append(IMPORT_FILE, rows_of(IMPORT_FILE, [row]))


def _batches(lines: Iterator[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    size = 0
    try:
        for position, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            batch.append((position, line))
            size += len(line)
            if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except MobilakeError:  # damaged: what came before counts
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _land(
    lake: Lake,
    into: Mapping[str, Kept],
    batch: Sequence[tuple[int, bytes]],
    origin: str,
    target: Target,
    read_line: LineReader,
) -> Counts:
    rows: list[Row] = []
    dead: list[Row] = []
    sealed: list[Row] = []
    for position, line in batch:
        try:
            rows.append(read_line(line, origin, position))
        except Rejected as rejected:
            name = name_of(target.scope, hashlib.sha256(line).hexdigest())
            dead.append(rejected.letter(name, origin, str(position)))
            sealed += filter(None, [rejected.seal(name, origin)])

    def add(table: RawTable, new: Sequence[Row], key: str) -> int:
        if not new:
            return 0
        return lake.append_new(table, rows_of(table, new), key, target.scope, into[table.name])

    added = add(target.table, rows, target.key)
    add(RESTRICTED, sealed, "reference_id")
    add(DEAD_LETTER, dead, "dead_letter_id")
    return Counts(
        received=len(batch),
        accepted=added,
        known=len(rows) - added,
        quarantined=len(dead),
    )


def name_of(*parts: str) -> str:
    """Return a name made of what makes a row the same row again."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
