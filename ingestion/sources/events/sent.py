"""An event that a device sends as a row of `device_event`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ingestion.dead_letters import Rejected
from ingestion.privacy import seal
from ingestion.source import Context
from ingestion.sources.events.event import event_of, rejected, row_of
from ingestion.stream.message import Message, ReadMessage
from mobilake.secrets import pseudonym_key


def reader(context: Context) -> ReadMessage:
    """Return what reads events, which may be those of any registered system's devices."""
    key = pseudonym_key(context.settings.home)

    def reject(message: Message, reason: str) -> Rejected:
        """Reject a message; it is sealed as it was sent, so that it can be tried again."""
        kept = rejected(message.body, message.document, key)
        text = message.body.decode("utf-8", "backslashreplace")
        return Rejected(reason, replace(kept, sealed=kept.sealed or seal(text, key)))

    def read(message: Message) -> Mapping[str, object]:
        if not message.is_json:
            raise reject(message, "not JSON")
        event = event_of(message.document, key, message.received_at, message.received_at)
        if isinstance(event, str):
            raise reject(message, event)
        return row_of(event, message.sender, message.channel, message.position)

    return read
