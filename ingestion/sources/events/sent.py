"""An event that a device sends as a row of `device_event`."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.dead_letters import Rejected
from ingestion.source import Context
from ingestion.sources.events.event import event_of, rejected, row_of
from ingestion.stream.message import Message, ReadMessage
from mobilake.secrets import pseudonym_key


def reader(context: Context) -> ReadMessage:
    """Return what reads events, which may be those of any registered system's devices."""
    key = pseudonym_key(context.settings.home)

    def read(message: Message) -> Mapping[str, object]:
        if message.unread is not None:
            raise Rejected("not JSON", rejected(message.unread, None, key))
        event = event_of(message.document, key, message.received_at, message.received_at)
        if isinstance(event, str):
            raise Rejected(event, rejected(message.body, message.document, key))
        return row_of(event, message.sender, message.channel, message.position)

    return read
