"""A chunk of lines as rows, in bulk: what can be read of it, and the lines that cannot."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from ingestion.sources.trips.families import Layout
from ingestion.sources.trips.lines import Chunk

UNPAIRED = "its quotes do not pair"
Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Unread:
    """A line that cannot be read, with its number in the file and the reason."""

    line: int
    text: str
    reason: str


@dataclass
class Parsed:
    """Tables of a text column for each of the file's columns and `line`, and the lines unread."""

    tables: list[pa.Table] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """How many lines were read."""
        return sum(table.num_rows for table in self.tables)

    @property
    def received(self) -> int:
        """How many lines there were, empty ones aside."""
        return self.accepted + len(self.unread)


def parse(chunk: Chunk, layout: Layout) -> Parsed:
    """Read the lines of a chunk.

    A line with a quote that does not close would swallow those after it. So a chunk that gives
    more or fewer rows than it has lines is halved until such a line stands alone.
    """
    parsed = Parsed()
    wrong: list[pc.InvalidRow] = []
    table = _table(chunk.text, layout, wrong)
    if table is not None and table.num_rows + len(wrong) == chunk.lines:
        numbers: Numbers = np.arange(chunk.first, chunk.first + chunk.lines)
        _keep(table, wrong, numbers, layout, parsed)
        return parsed
    numbers, text = _numbers(chunk), chunk.text
    if len(numbers) != chunk.lines:
        text = b"".join(line for line in text.splitlines(keepends=True) if line.strip(b"\n"))
    _read(text, numbers, layout, parsed)
    return parsed


def _numbers(chunk: Chunk) -> Numbers:
    """Return the numbers of the lines that are not empty."""
    ends = np.flatnonzero(np.frombuffer(chunk.text, np.uint8) == ord("\n"))
    lengths = np.diff(ends, prepend=-1)
    numbers: Numbers = np.flatnonzero(lengths > 1) + chunk.first
    return numbers


def _read(text: bytes, numbers: Numbers, layout: Layout, parsed: Parsed) -> None:
    if not len(numbers):
        return
    wrong: list[pc.InvalidRow] = []
    table = _table(text, layout, wrong)
    if table is not None and table.num_rows + len(wrong) == len(numbers):
        _keep(table, wrong, numbers, layout, parsed)
    elif len(numbers) == 1:
        line = text.rstrip(b"\n").decode()
        parsed.unread.append(Unread(int(numbers[0]), line, UNPAIRED))
    else:
        half = len(numbers) // 2
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
        cut = int(ends[half - 1]) + 1
        _read(text[:cut], numbers[:half], layout, parsed)
        _read(text[cut:], numbers[half:], layout, parsed)


def _table(text: bytes, layout: Layout, wrong: list[pc.InvalidRow]) -> pa.Table | None:
    """Return the rows of lines, or None where quotes are in such disorder that there are none."""

    def skip(row: pc.InvalidRow) -> str:
        wrong.append(row)
        return "skip"

    names = [str(place) for place in range(len(layout.names))]
    wanted = [name for name, column in zip(names, layout.columns, strict=True) if column]
    try:
        return pc.read_csv(
            io.BytesIO(text),
            # one thread: then a row that is skipped knows its number
            pc.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
            pc.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=skip),
            pc.ConvertOptions(
                column_types={name: pa.string() for name in names},
                include_columns=wanted,
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None


def _keep(
    table: pa.Table, wrong: list[pc.InvalidRow], numbers: Numbers, layout: Layout, parsed: Parsed
) -> None:
    places = np.array([row.number - 1 for row in wrong], np.int64)
    lines = np.delete(numbers, places) if len(places) else numbers
    if table.num_rows:
        parsed.tables.append(table.append_column("line", pa.array(lines, pa.int64())))
    for row, place in zip(wrong, places, strict=True):
        number, columns = int(numbers[place]), len(layout.names)
        shorter = _without_empty_ends(row, layout)
        if shorter is not None:
            again: list[pc.InvalidRow] = []
            rest = _table(shorter, layout, again)
            if rest is not None and rest.num_rows == 1 and not again:
                line = pa.array([number], pa.int64())
                parsed.tables.append(rest.append_column("line", line))
                continue
        reason = f"{row.actual_columns} columns, where the header has {columns}"
        if row.text.count('"') % 2:
            reason = UNPAIRED
        parsed.unread.append(Unread(number, row.text, reason))


def _without_empty_ends(row: pc.InvalidRow, layout: Layout) -> bytes | None:
    """Return a line without the empty columns that it has more than its header, or None."""
    surplus = row.actual_columns - len(layout.names)
    if surplus <= 0 or not row.text.endswith(layout.delimiter * surplus):
        return None
    return str(row.text[: -surplus * len(layout.delimiter)] + "\n").encode()
