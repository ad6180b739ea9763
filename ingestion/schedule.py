"""When something is asked next: at its own pace, spread over time, never to make up for a delay.

Moments are seconds of any steady clock. A subject asks on a grid of its pace, shifted by a part of
the pace (its phase, from 0 up to 1), so that many of them do not ask in the same second.
"""

from __future__ import annotations

import hashlib
import math

BACKOFF_S = 1.0


def phase_of(name: str) -> float:
    """Return the phase of a name: always the same, and spread evenly over many names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


def first_due(now: float, pace_s: float, phase: float) -> float:
    """Return the first moment of the grid after now."""
    due = (math.floor(now / pace_s - phase) + 1 + phase) * pace_s
    return due if due > now else due + pace_s  # now may be on the grid but for rounding


def next_due(previous: float, now: float, pace_s: float, phase: float) -> float:
    """Return the moment of the grid that is nearest to a pace after the previous one.

    If that has passed, what was missed is not made up for: the next moment is the first after now.
    """
    due = (round(previous / pace_s - phase) + 1 + phase) * pace_s
    return due if due > now else first_due(now, pace_s, phase)


def retry_delay(tried: int, retry_after_s: float | None, chance: float) -> float:
    """Return for how long to wait before another attempt.

    Args:
        tried: how many attempts there were, at least one.
        retry_after_s: what the server asks for, if it does.
        chance: a random number from 0 to 1: the delay is half to one and a half of its middle.
    """
    delay = BACKOFF_S * 2.0 ** (tried - 1) * (0.5 + chance)
    return max(delay, retry_after_s or 0.0)
