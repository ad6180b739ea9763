"""Dead letters: what was received and could not be accepted, with the reason and where it stood."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ingestion.privacy import Protected
from ingestion.raw import TEXT, RawTable, Subject

DEAD_LETTER = RawTable(
    name="dead_letter",
    description="One row per thing received that could not be accepted, with the reason.",
    columns=pa.schema(
        [
            pa.field("dead_letter_id", pa.string(), nullable=False),
            pa.field("origin", pa.string(), nullable=False),
            pa.field("position", pa.string(), nullable=False),
            pa.field("reason", pa.string(), nullable=False),
            pa.field("payload", pa.string()),
        ]
    ),
    key="dead_letter_id",
    subjects=(Subject("payload", TEXT),),
)

Row = Mapping[str, object]


class Rejected(Exception):
    """Raised for what cannot be accepted: the reason, and what of it may be kept."""

    def __init__(self, reason: str, kept: Protected) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kept = kept

    def letter(self, name: str, origin: str, position: str) -> Row:
        """Return it as a row of `DEAD_LETTER`."""
        return {
            "dead_letter_id": name,
            "origin": origin,
            "position": position,
            "reason": self.reason,
            "payload": self.kept.text,
        }

    def seal(self, name: str, origin: str) -> Row | None:
        """Return what was sealed of it as a row of `RESTRICTED`, under the name of its letter."""
        if self.kept.sealed is None:
            return None
        return {"reference_id": name, "origin": origin, "sealed": self.kept.sealed}
