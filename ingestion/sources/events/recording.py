"""A line of a file of events as a row of `device_event`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from ingestion.dead_letters import Rejected
from ingestion.importer import Target
from ingestion.sources.events.event import event_of, rejected, row_of
from ingestion.sources.events.tables import DEVICE_EVENT
from mobilake.secrets import Secret


@dataclass(frozen=True)
class EventLines:
    """What is imported: whose events, until when there can be any, the key of the pseudonyms."""

    system_id: str
    now: datetime
    key: Secret

    @property
    def target(self) -> Target:
        """Where the lines land."""
        return Target(DEVICE_EVENT, "delivery_id", f"events:{self.system_id}")

    def read_line(self, line: bytes, origin: str, position: int) -> Mapping[str, object]:
        """Return a line as a row of `device_event`, or reject it with the reason."""
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise Rejected("not JSON", rejected(line, None, self.key)) from None
        event = event_of(document, self.key, self.now)
        if isinstance(event, str):
            raise Rejected(event, rejected(line, document, self.key))
        return row_of(event, self.system_id, "import", f"{origin}:{position}")
