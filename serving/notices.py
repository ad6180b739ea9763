"""Notices: who is told of what begins and ends, at least once, with a key that tells copies apart.

What was sent stands in the lake. A process that dies between sending and writing that down sends
again, under the same key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import pyarrow as pa

from ingestion.raw import RawTable
from ingestion.source import Context
from mobilake.errors import MobilakeError, TransientError
from mobilake.locks import alone
from serving.channels import Channel, channels_of

log = logging.getLogger(__name__)

OPENED, CLOSED, BEGUN = "opened", "closed", "begun"
WAIT_S = 10.0
"""After a channel took nothing, and while another process sends."""

NOTICE = RawTable(
    name="notice",
    description="One row per notice that a channel took; and one for when a channel began.",
    columns=pa.schema(
        [
            pa.field("notice_id", pa.string(), nullable=False),
            pa.field("channel", pa.string(), nullable=False),
            pa.field("subject_id", pa.string(), nullable=False),
            pa.field("change", pa.string(), nullable=False),
            pa.field("sent_at", pa.timestamp("us", "UTC"), nullable=False),
        ]
    ),
    row_group_rows=65536,
    key="notice_id",
)
"""No content: what a notice told stands in the mart."""

Ask = Callable[[], Sequence[Mapping[str, Any]]]
"""Returns the rows of the mart, as they are now."""


@dataclass(frozen=True)
class Notice:
    """That something has begun, or ended.

    Attributes:
        key: the same each time that it is sent: what a receiver tells copies by.
    """

    subject_id: str
    change: str
    row: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What tells copies apart."""
        return f"{self.subject_id}:{self.change}"

    @property
    def content(self) -> dict[str, Any]:
        """What is sent, as JSON."""
        return {"notice_id": self.key, "change": self.change, "row": dict(self.row)}


class Notices:
    """Sends what is due.

    Args:
        ask: tells the present state of what begins and ends.
    """

    def __init__(self, context: Context, channels: Sequence[Channel], ask: Ask) -> None:
        self._context, self._channels, self._ask = context, channels, ask
        self._sent: dict[str, set[str]] | None = None
        self._began: dict[str, str] = {}

    def run(self, stop: Event) -> None:
        """Send until told to stop; of several processes one at a time does."""
        lock = self._context.settings.home / "locks" / "notices.lock"
        while not stop.is_set():
            try:
                with alone(lock, "notices"):
                    self._sent = None
                    while not stop.wait(self._context.settings.notices.every_s):
                        self.send_due()
            except TransientError as error:
                log.debug("%s", error)
            except Exception as error:  # noqa: BLE001 - or nobody would be told any more, silently
                log.warning("notices were not sent: %s", error)
            stop.wait(WAIT_S)

    def send_due(self) -> int:
        """Send what no channel has taken yet; return how many notices were taken.

        Raises:
            TransientError: a channel took nothing; the others did.
        """
        rows = self._ask()
        troubles, taken = [], 0
        for channel in self._channels:
            self._begin(channel)
            done: list[Notice] = []
            try:
                for notice in self._due(channel, rows):
                    channel.send(notice.key, notice.content)
                    done.append(notice)
            except TransientError as error:
                troubles.append(f"{channel.name}: {error}")
            finally:
                taken += self._write_down(channel, done)
        if troubles:
            raise TransientError("; ".join(troubles))
        return taken

    def _due(self, channel: Channel, rows: Sequence[Mapping[str, Any]]) -> Iterator[Notice]:
        """Yield what to send.

        What was over before the channel began is not told of. What was told to have begun and is
        not there any more, as after something late explained it, is over.
        """
        chosen, sent = self._context.settings.notices, self._known()[channel.name]
        began = self._began[channel.name]
        here = set[str]()
        for row in rows:
            subject, ended_at = str(row[chosen.id]), row[chosen.ended_at]
            here.add(subject)
            was_over = ended_at is not None and str(ended_at) < began
            if was_over and f"{subject}:{OPENED}" not in sent:
                continue
            for change in (OPENED, CLOSED) if ended_at is not None else (OPENED,):
                notice = Notice(subject, change, row)
                if notice.key not in sent:
                    yield notice
        opened = {key.rpartition(":")[0] for key in sent if key.endswith(f":{OPENED}")}
        for subject in sorted(opened - here):
            notice = Notice(subject, CLOSED, {chosen.id: subject})
            if notice.key not in sent:
                yield notice

    def _begin(self, channel: Channel) -> None:
        """Write down when a channel was first used: it is told of what goes on then, and later."""
        self._known().setdefault(channel.name, set())
        if channel.name not in self._began:
            began = self._context.clock()
            self._append([(f"{channel.name}:{BEGUN}", channel.name, channel.name, BEGUN)])
            self._began[channel.name] = began.strftime("%Y-%m-%dT%H:%M:%S")

    def _known(self) -> dict[str, set[str]]:
        """Return what each channel has taken, as the lake knows it."""
        if self._sent is None:
            self._sent, self._began = {}, {}
            columns = ["channel", "subject_id", "change", "sent_at"]
            for row in self._context.lake.read(NOTICE, columns).to_pylist():
                sent = self._sent.setdefault(row["channel"], set())
                if row["change"] == BEGUN:
                    self._began[row["channel"]] = row["sent_at"].strftime("%Y-%m-%dT%H:%M:%S")
                else:
                    sent.add(f"{row['subject_id']}:{row['change']}")
        return self._sent

    def _write_down(self, channel: Channel, done: Sequence[Notice]) -> int:
        if done:
            self._append(
                [
                    (f"{channel.name}:{one.key}", channel.name, one.subject_id, one.change)
                    for one in done
                ]
            )
            self._known()[channel.name] |= {one.key for one in done}
        return len(done)

    def _append(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        names = ("notice_id", "channel", "subject_id", "change")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        at = pa.array([self._context.clock()] * len(rows), pa.timestamp("us", "UTC"))
        table = pa.table({**columns, "sent_at": at})
        self._context.lake.append_new(NOTICE, table, "notice_id", "notices")


def notices_of(
    context: Context, ask: Callable[[str], Sequence[Mapping[str, Any]]]
) -> Notices | None:
    """Return what sends notices, or None where nobody is to be told.

    Args:
        ask: returns the rows of a live mart.

    Raises:
        MobilakeError: a secret has no value, or no mart is named.
    """
    chosen = context.settings.notices
    channels = channels_of(context.settings)
    if not channels:
        return None
    if not (chosen.mart and chosen.id and chosen.ended_at):
        raise MobilakeError(
            "[notices] names whom to tell, and not of what: set mart, id and ended_at as well."
        )
    return Notices(context, channels, lambda: ask(chosen.mart))
