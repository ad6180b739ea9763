"""A message: something that was sent to a source, as a channel received it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ingestion.raw import RawTable

CHANNELS = HTTP, KAFKA, MQTT = ("http", "kafka", "mqtt")
"""How messages come."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a message stands in a log whose reader goes on from what the lake says.

    Attributes:
        log: the name of the log, such as `kafka:events:<id>:3`.
        offset: the message's number in it.
    """

    log: str
    offset: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        sender: whose it is, as the channel made sure: what a source's rows are scoped by.
        channel: how it came, such as `http`.
        position: where it stood there.
        received_at: when it came; aware UTC.
        document: the JSON value that it holds; None where it is no JSON.
        content: the bytes that came; None of one that came among others, in an array.
        is_json: whether there is a document.
        mark: where the channel goes on after it, if that stands in the lake.
    """

    sender: str
    channel: str
    position: str
    received_at: datetime
    document: Any
    content: bytes | None = None
    is_json: bool = True
    mark: Mark | None = None

    @property
    def body(self) -> bytes:
        """What was sent; of one among others in JSON's shortest form."""
        return orjson.dumps(self.document) if self.content is None else self.content


ReadMessage = Callable[[Message], Mapping[str, object]]
"""Turns a message into a row of a raw table, or raises `dead_letters.Rejected`."""


@dataclass(frozen=True)
class Intake:
    """How what is sent to a source becomes rows of a raw table.

    Attributes:
        reader: makes what reads messages, from the context; called for every batch, so that a key
            that is rotated is taken up.
    """

    table: RawTable
    reader: Callable[[Any], ReadMessage]


def parsed(content: bytes) -> tuple[Any, bytes, bool]:
    """Return the JSON value of some bytes, the bytes, and whether they are any JSON."""
    try:
        return orjson.loads(content), content, True
    except orjson.JSONDecodeError:
        return None, content, False
