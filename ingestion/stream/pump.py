"""From a channel that gives messages when asked into the lake, for as long as it takes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Event
from typing import Protocol

from ingestion.lake import Overtaken
from ingestion.stream.lander import Lander, trouble_of
from ingestion.stream.message import Message
from mobilake.errors import MobilakeError, TransientError

log = logging.getLogger(__name__)

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0


class Channel(Protocol):
    """Where messages come from, and stay until they have landed."""

    name: str

    def take(self) -> Sequence[Message]:
        """Return what came within the time that a commit waits for more; none is as good.

        Raises:
            TransientError: nothing can be had just now.
            MobilakeError: nothing will be had before somebody has mended it.
        """
        ...

    def confirm(self) -> None:
        """Take notice that all that was taken has landed."""
        ...

    def close(self) -> None:
        """Let go; what was not confirmed comes again next time."""
        ...


class Pump:
    """Lands what a channel gives.

    Attributes:
        trouble: why nothing lands at present; None where all is well.
    """

    def __init__(self, channel: Channel, lander: Lander) -> None:
        self._channel = channel
        self._lander = lander
        self._pause_s = SHORTEST_PAUSE_S
        self.trouble: str | None = None

    def run(self, stop: Event) -> None:
        """Go on until told to stop.

        Raises:
            Overtaken: another lander reads the same.
            MobilakeError: the channel gives nothing before somebody has mended it.
        """
        try:
            while not stop.is_set():
                self._once(stop)
        finally:
            self._channel.close()

    def _once(self, stop: Event) -> None:
        try:
            messages = self._channel.take()
        except Exception as error:
            if isinstance(error, MobilakeError) and not isinstance(error, TransientError):
                raise
            self._wait(trouble_of(error, self.trouble), stop)
            return
        while messages:
            try:
                self._lander.land(messages)
            except Overtaken:
                raise
            except Exception as error:  # noqa: BLE001 (it is told and logged)
                self._wait(trouble_of(error, self.trouble), stop)
                if stop.is_set():
                    return
            else:
                self._channel.confirm()
                break
        if self.trouble:
            log.warning("%s: messages are taken again.", self._channel.name)
        self.trouble, self._pause_s = None, SHORTEST_PAUSE_S

    def _wait(self, trouble: str, stop: Event) -> None:
        if not self.trouble:
            log.error("%s: nothing is taken (%s). It is tried again.", self._channel.name, trouble)
        self.trouble = trouble
        stop.wait(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
