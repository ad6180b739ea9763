"""Messages into the lake: each accepted or rejected, all of a batch committed before an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from ingestion.dead_letters import DEAD_LETTER, Rejected, Row
from ingestion.importer import name_of
from ingestion.lake import Moves, RawTable, rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context
from ingestion.stream.message import Intake, Mark, Message

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


class Lander:
    """The one way of messages into the lake; batches land one after the other.

    A message with a mark lands once in each table whatever happens: the commit that holds it moves
    the log's position in that table past it.
    """

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context = context
        self._intake = intake
        self._alone = Lock()
        tables = (intake.table, DEAD_LETTER, RESTRICTED)
        self._open = {table.name: context.lake.open(table) for table in tables}
        self._stand: dict[str, dict[str, int | None]] = {table.name: {} for table in tables}

    def resume(self, logs: Iterable[str]) -> dict[str, int | None]:
        """Return the offset with which each log goes on by what the lake says; None: never read."""
        with self._alone:
            for name, delta in self._open.items():
                delta.update_incremental()
                self._stand[name] |= {log: delta.transaction_version(log) for log in logs}
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
        scope = self._intake.table.name
        return name_of(scope, message.channel, message.sender, message.position)

    def _move(self, table: RawTable, new: _Rows, ends: dict[str, int]) -> None:
        """Commit the rows that the table does not hold yet, and the positions of all logs."""
        lake, into, stand = self._context.lake, self._open[table.name], self._stand[table.name]
        fresh = rows_of(
            table,
            [
                row
                for row, mark in zip(new.rows, new.marks, strict=True)
                if mark is None or mark.offset >= (stand[mark.log] or 0)
            ],
        )
        if not ends:
            lake.append(table, fresh, into=into)
            return
        moves: Moves = {
            log: (start, max(start or 0, ends.get(log, 0)))
            for log, start in stand.items()
            if log in ends or start is not None
        }
        lake.advance(table, fresh, moves, into=into)
        stand |= {log: end for log, (_, end) in moves.items()}
