"""Dead letters of the stream tried again: what is accepted by now lands, as it was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from cryptography.fernet import InvalidToken

from ingestion.dead_letters import DEAD_LETTER, Rejected, Row
from ingestion.lake import Lake, RawTable, column, rows_of
from ingestion.privacy import RESTRICTED, unseal
from ingestion.source import Context
from ingestion.stream.message import CHANNELS, Intake, Message, ReadMessage, parsed
from mobilake.secrets import Secret, pseudonym_keys

BATCH = 2000
SCOPE = "redrive"

REDRIVEN = RawTable(
    name="redriven",
    description="One row per dead letter that was accepted after all; it is none any more.",
    columns=pa.schema([pa.field("dead_letter_id", pa.string(), nullable=False)]),
    key="dead_letter_id",
)


@dataclass
class Redriven:
    """What became of the dead letters of the stream.

    Attributes:
        rejected: how many are still rejected, by reason.
        gone: what is no longer there: it was kept, encrypted, for so many days and no longer.
        locked: what was encrypted with a pseudonym key that was dropped.
    """

    accepted: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    gone: int = 0
    locked: int = 0

    def __str__(self) -> str:
        total = self.accepted + sum(self.rejected.values()) + self.gone + self.locked
        still = sorted(self.rejected.items(), key=lambda told: -told[1])
        told = [f"{count:,} still {reason}" for reason, count in still]
        told += [f"{self.gone:,} no longer kept"] if self.gone else []
        told += [f"{self.locked:,} of a key that was dropped"] if self.locked else []
        return "; ".join([f"{total:,} dead letters: {self.accepted:,} accepted", *told]) + "."


def redrive(
    context: Context, intake: Intake, report: Callable[[int, int], None] = lambda done, of: None
) -> Redriven:
    """Read each dead letter of the stream again as it was sent; land what is accepted.

    What it adds is looked up by name before, so that it can be killed and called again.

    Args:
        report: is told how many are done, and how many there are.
    """
    lake, keys, read = context.lake, pseudonym_keys(context.settings.home), intake.reader(context)
    for table in (intake.table, DEAD_LETTER, RESTRICTED, REDRIVEN):
        lake.open(table)
    letters = _letters(lake)
    total = Redriven()
    for start in range(0, len(letters), BATCH):
        batch = letters[start : start + BATCH]
        rows, names = [], []
        for letter, row in _again(lake, batch, keys, read, total):
            rows.append(row)
            names.append({"dead_letter_id": letter["dead_letter_id"]})
        if rows:
            key = intake.table.key
            assert key is not None
            lake.append_new(intake.table, rows_of(intake.table, rows), key, SCOPE)
            lake.append_new(REDRIVEN, rows_of(REDRIVEN, names), "dead_letter_id", SCOPE)
        total.accepted += len(rows)
        report(start + len(batch), len(letters))
    return total


def _letters(lake: Lake) -> list[dict[str, Any]]:
    """Return the dead letters of the stream that are still dead."""
    done = set(column(lake.read(REDRIVEN, ["dead_letter_id"]), "dead_letter_id"))
    ours = " or ".join(f"origin like '{channel}:%'" for channel in CHANNELS)
    columns = ["dead_letter_id", "origin", "position", "landed_at"]
    found = lake.read(DEAD_LETTER, columns, ours).to_pylist()
    unique = {letter["dead_letter_id"]: letter for letter in found}
    return [letter for name, letter in unique.items() if name not in done]


def _again(
    lake: Lake,
    letters: Sequence[dict[str, Any]],
    keys: tuple[Secret, ...],
    read: ReadMessage,
    total: Redriven,
) -> Iterator[tuple[dict[str, Any], Row]]:
    """Yield the letters that are accepted now, with their rows; count the others."""
    named = ", ".join(f"'{letter['dead_letter_id']}'" for letter in letters)
    seals = lake.read(RESTRICTED, ["reference_id", "sealed"], f"reference_id in ({named})")
    sealed = dict(zip(column(seals, "reference_id"), column(seals, "sealed"), strict=True))
    for letter in letters:
        text = sealed.get(letter["dead_letter_id"])
        if text is None:
            total.gone += 1
            continue
        try:
            content = unseal(text, *keys).encode()
        except InvalidToken:
            total.locked += 1
            continue
        channel, _, sender = letter["origin"].partition(":")
        document, raw, is_json = parsed(content)
        place = (letter["position"], letter["landed_at"])
        try:
            yield letter, read(Message(sender, channel, *place, document, raw, is_json))
        except Rejected as rejected:
            total.rejected[rejected.reason] = total.rejected.get(rejected.reason, 0) + 1
