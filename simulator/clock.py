"""The clock a simulated server goes by."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time, as an aware datetime."""

    def now(self) -> datetime:
        """Return the present moment."""
        ...


class SimulatedClock:
    """A clock that starts at a given moment and may run faster than the real one."""

    def __init__(
        self,
        starts_at: datetime,
        speed: float = 1.0,
        cap: Callable[[], datetime] | None = None,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock.

        Args:
            starts_at: the simulated moment of now.
            speed: simulated seconds per real second.
            cap: tells the moment that the clock never passes, for example the real present.
            elapsed_s: real seconds since any fixed moment.
        """
        self._starts_at, self._speed, self._cap = starts_at, speed, cap
        self._elapsed_s = elapsed_s
        self._started_s = elapsed_s()

    def now(self) -> datetime:
        """Return the simulated present."""
        real_s = self._elapsed_s() - self._started_s
        now = self._starts_at + timedelta(seconds=real_s * self._speed)
        return now if self._cap is None else min(now, self._cap())
