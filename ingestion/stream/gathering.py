"""What was sent at about the same time lands in one commit, and each sender waits for it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from ingestion.stream.lander import Lander, Reasons, trouble_of
from ingestion.stream.message import Message
from mobilake.errors import TransientError

log = logging.getLogger(__name__)


OUTSIDE = "The lake takes nothing at present: send it again in a moment."
"""What senders are told; why stands in the log, and at `/health`."""


class Full(TransientError):
    """Raised where so much waits for the lake that no more is taken in."""


@dataclass
class _Sent:
    """What one sender sent at once."""

    messages: Sequence[Message]
    size: int
    landed: anyio.Event = field(default_factory=anyio.Event)
    reasons: Reasons = field(default_factory=list)
    trouble: str | None = None


class Gathering:
    """Messages on their way to a lander.

    Args:
        linger_s: for how long a commit waits for more to come.
        limit: the bytes that may wait.
        most: the messages of a commit.
    """

    def __init__(self, lander: Lander, linger_s: float, limit: int, most: int) -> None:
        self._lander = lander
        self._linger_s = linger_s
        self._limit = limit
        self.most = most
        self._sent: list[_Sent] = []
        self._bytes = 0
        self._some = anyio.Event()
        self.trouble: str | None = None

    @property
    def waiting(self) -> int:
        """How many messages wait for the commit after the one that is under way."""
        return sum(len(sent.messages) for sent in self._sent)

    async def land(self, messages: Sequence[Message], size: int) -> Reasons:
        """Return why messages were rejected, once all that were accepted are in the lake.

        Args:
            size: their bytes.

        Raises:
            Full: too much waits already.
            TransientError: the lake did not take them: none of them counts as received.
        """
        if self._bytes + size > self._limit:
            raise Full("Too much waits for the lake: send it again in a moment.")
        sent = _Sent(messages, size)
        self._sent.append(sent)
        self._bytes += size
        self._some.set()
        with anyio.CancelScope(shield=True):  # what is on its way lands, also if the sender went
            await sent.landed.wait()
        if sent.trouble:
            raise TransientError(sent.trouble)
        return sent.reasons

    async def run(self) -> None:
        """Commit what comes, until cancelled."""
        while True:
            await self._some.wait()
            await anyio.sleep(self._linger_s)
            with anyio.CancelScope(shield=True):
                await self._commit(self._next())

    def _next(self) -> list[_Sent]:
        taken, count = 0, 0
        for sent in self._sent:
            count += len(sent.messages)
            if taken and count > self.most:
                break
            taken += 1
        batch, self._sent = self._sent[:taken], self._sent[taken:]
        if not self._sent:
            self._some = anyio.Event()
        return batch

    async def _commit(self, batch: Sequence[_Sent]) -> None:
        messages = [message for sent in batch for message in sent.messages]
        reasons: Reasons = []
        trouble = None
        try:
            reasons = await anyio.to_thread.run_sync(self._lander.land, messages)
        except Exception as error:  # noqa: BLE001 (it is told and logged)
            trouble = trouble_of(error, self.trouble)
        self._tell(trouble)
        for sent in batch:
            sent.trouble = trouble and OUTSIDE
            sent.reasons, reasons = reasons[: len(sent.messages)], reasons[len(sent.messages) :]
            self._bytes -= sent.size
            sent.landed.set()

    def _tell(self, trouble: str | None) -> None:
        if trouble and not self.trouble:
            log.error("The lake takes no messages (%s). Senders are told to try again.", trouble)
        elif self.trouble and not trouble:
            log.warning("The lake takes messages again.")
        self.trouble = trouble
