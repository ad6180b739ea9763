"""What the polling service counts: of the last minute, and in all."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60.0


@dataclass(frozen=True)
class Counts:
    """Polls, how many of them gave no usable answer or said "not modified", and bytes received."""

    polls: int = 0
    errors: int = 0
    not_modified: int = 0
    bytes: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.polls + other.polls,
            self.errors + other.errors,
            self.not_modified + other.not_modified,
            self.bytes + other.bytes,
        )

    def __str__(self) -> str:
        return (
            f"{self.polls:,} polls, {self.errors:,} errors, {self.not_modified:,} not modified, "
            f"{self.bytes / 1e6:,.1f} MB"
        )


class Tally:
    """Counts, and how many systems are polled; `systems` is kept by who polls."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self.systems: dict[str, int] = {}
        self.total = Counts()
        self._steady = steady
        self._recent: deque[tuple[float, Counts]] = deque()

    def add(self, counts: Counts) -> None:
        """Count one poll or more."""
        self.total += counts
        self._recent.append((self._steady(), counts))
        self._forget()

    def last_minute(self) -> Counts:
        """Return the counts of the last sixty seconds."""
        self._forget()
        return sum((counts for _, counts in self._recent), Counts())

    def _forget(self) -> None:
        limit = self._steady() - WINDOW_S
        while self._recent and self._recent[0][0] < limit:
            self._recent.popleft()
