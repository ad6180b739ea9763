"""Messages into the lake: each accepted or rejected, all of a batch committed before an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from threading import Lock

from ingestion.importer import DEAD_LETTER, Rejected
from ingestion.lake import RawTable, rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context
from ingestion.stream.message import Intake, Message

Reasons = list[str | None]
"""Why each message of a batch was rejected, in their order; None for those that were accepted."""


class Lander:
    """The one way of messages into the lake; batches land one after the other."""

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context = context
        self._intake = intake
        self._alone = Lock()
        tables = (intake.table, DEAD_LETTER, RESTRICTED)
        self._open = {table.name: context.lake.open(table) for table in tables}

    def land(self, messages: Sequence[Message]) -> Reasons:
        """Commit a batch: one commit to each table that it has rows for.

        What is rejected lands first. Whoever sends a batch again after a crash in between sends
        the rejected messages again too, and they count as received twice.

        Raises:
            MobilakeError: the lake has gone.
        """
        read, scope = self._intake.reader(self._context), self._intake.table.name
        rows, dead, sealed, reasons = [], [], [], Reasons()
        for message in messages:
            try:
                rows.append(read(message))
                reasons.append(None)
            except Rejected as rejected:
                reasons.append(rejected.reason)
                origin = f"{message.channel}:{message.sender}"
                name = _name(scope, message)
                dead.append(
                    {
                        "dead_letter_id": name,
                        "origin": origin,
                        "position": message.position,
                        "reason": rejected.reason,
                        "payload": rejected.kept.text,
                    }
                )
                if rejected.kept.sealed:
                    sealed.append(
                        {"reference_id": name, "origin": origin, "sealed": rejected.kept.sealed}
                    )
        with self._alone:
            self._append(RESTRICTED, sealed)
            self._append(DEAD_LETTER, dead)
            self._append(self._intake.table, rows)
        return reasons

    def _append(self, table: RawTable, rows: Sequence[object]) -> None:
        if rows:
            into = self._open[table.name]
            self._context.lake.append(table, rows_of(table, rows), into=into)  # type: ignore[arg-type]


def _name(scope: str, message: Message) -> str:
    told = "\n".join([scope, message.channel, message.sender, message.position])
    return hashlib.sha256(told.encode()).hexdigest()[:32]
