"""Messages into the lake: each accepted or rejected, all of a batch committed before an answer."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from ingestion.dead_letters import DEAD_LETTER, Rejected, Row
from ingestion.importer import name_of
from ingestion.lake import Moves, RawTable, column, rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context
from ingestion.stream.message import Intake, Mark, Message
from mobilake.errors import explain

log = logging.getLogger(__name__)

Reasons = list[str | None]
"""Why each message of a batch was rejected, in their order; None for those that were accepted."""


@dataclass
class _Rows:
    """What a batch adds to a table, and where in its log each row's message stands."""

    rows: list[Row] = field(default_factory=list)
    marks: list[Mark | None] = field(default_factory=list)

    def add(self, row: Row | None, mark: Mark | None) -> None:
        if row:
            self.rows.append(row)
            self.marks.append(mark)

    def split(self, stand: Mapping[str, int | None]) -> tuple[list[Row], list[Row]]:
        """Return the rows that a table cannot hold yet, and those that it may: it got that far."""
        fresh: list[Row] = []
        passed: list[Row] = []
        for row, mark in zip(self.rows, self.marks, strict=True):
            is_passed = mark is not None and mark.offset < (stand[mark.log] or 0)
            (passed if is_passed else fresh).append(row)
        return fresh, passed


class Lander:
    """A way of messages into the lake; its batches land one after the other.

    A message with a mark lands once in each table whatever happens: the commit that holds it moves
    the log's position in that table past it.
    """

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context = context
        self._intake = intake
        self._alone = Lock()
        tables = (intake.table, DEAD_LETTER, RESTRICTED)
        self._kept = {table.name: context.lake.keep(table) for table in tables}
        self._stand: dict[str, dict[str, int | None]] = {table.name: {} for table in tables}

    def resume(self, logs: Iterable[str]) -> dict[str, int | None]:
        """Return the offset with which each log goes on by what the lake says; None: never read."""
        logs = tuple(logs)
        with self._alone:
            for name, kept in self._kept.items():
                kept.delta.update_incremental()
                self._stand[name] |= {log: kept.delta.transaction_version(log) for log in logs}
            return {log: self._stand[self._intake.table.name][log] for log in logs}

    def land(self, messages: Sequence[Message]) -> Reasons:
        """Commit a batch: one commit to each table that it has rows for.

        What is rejected lands first. Whoever sends messages without marks again, after a crash in
        between, sends the rejected ones again too, and they count as received twice.

        Raises:
            Overtaken: another lander reads the same log.
            MobilakeError: the lake has gone.
        """
        read = self._intake.reader(self._context)
        rows, dead, sealed, reasons = _Rows(), _Rows(), _Rows(), Reasons()
        ends: dict[str, int] = {}
        for message in messages:
            try:
                rows.add(read(message), message.mark)
                reasons.append(None)
            except Rejected as rejected:
                reasons.append(rejected.reason)
                origin, name = f"{message.channel}:{message.sender}", self._name(message)
                dead.add(rejected.letter(name, origin, message.position), message.mark)
                sealed.add(rejected.seal(name, origin), message.mark)
            if message.mark:
                ends[message.mark.log] = message.mark.offset + 1
        with self._alone:
            if sealed.rows:
                self._move(RESTRICTED, sealed, ends)
            if dead.rows:
                self._move(DEAD_LETTER, dead, ends)
            if rows.rows or ends:
                self._move(self._intake.table, rows, ends)
        return reasons

    def _name(self, message: Message) -> str:
        mark = message.mark
        place = f"{mark.log}:{mark.offset}" if mark else message.position
        return name_of(self._intake.table.name, message.channel, message.sender, place)

    def _move(self, table: RawTable, new: _Rows, ends: Mapping[str, int]) -> None:
        """Commit the rows that the table does not hold yet, and the positions of all logs."""
        lake, kept, stand = self._context.lake, self._kept[table.name], self._stand[table.name]
        fresh, passed = new.split(stand)
        if passed and table.key:  # from before a crash; not all, if others were rejected then
            quoted = ", ".join(f"'{row[table.key]}'" for row in passed)
            found = lake.read(table, [table.key], f"{table.key} in ({quoted})")
            known = set(column(found, table.key))
            fresh += [row for row in passed if row[table.key] not in known]
        if not ends:
            lake.append(table, rows_of(table, fresh), into=kept)
            return
        moves: Moves = {
            log: (start, max(start or 0, ends.get(log, 0)))
            for log, start in stand.items()
            if log in ends or start is not None
        }
        if all(start == end for start, end in moves.values()):
            lake.append(table, rows_of(table, fresh), into=kept)
            return
        lake.advance(table, rows_of(table, fresh), moves, into=kept)
        stand |= {log: end for log, (_, end) in moves.items()}


def trouble_of(error: Exception, before: str | None) -> str:
    """Return what keeps messages from the lake, in words; what has none is logged, once.

    Args:
        before: what was returned of the attempt before.
    """
    told = explain(error)
    trouble = told or type(error).__name__
    if trouble != before:
        level = logging.DEBUG if told else logging.ERROR
        log.log(level, "a commit of the stream failed", exc_info=True)
    return trouble
