"""How often each feed is asked."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ingestion.source import Options
from ingestion.sources.gbfs.feeds import REALTIME
from ingestion.sources.gbfs.registry import System

LONGEST_TTL_S = 86400.0


class GbfsOptions(Options):
    """`[source.gbfs]`.

    Attributes:
        static_interval_s: the least distance between two polls of a feed that seldom changes.
    """

    static_interval_s: int = Field(3600, ge=1, le=86400)


def pace_s(
    system: System,
    feed: str,
    options: GbfsOptions,
    ttl_s: float = 0.0,
    every_s: float | None = None,
) -> float:
    """Return the distance between two polls of a feed that is aimed at.

    Args:
        ttl_s: for how long its last document says that it holds.
        every_s: the pace of real-time feeds that was asked for, in place of all that they say.
    """
    if feed in REALTIME:
        return every_s or max(system.poll_interval_s, ttl_s)
    slow = max(options.static_interval_s, ttl_s)
    return slow if every_s else max(slow, system.poll_interval_s)


def ttl_of(document: Any) -> float:
    """Return the `ttl` of a document in seconds, of no more than a day; 0 where it has none."""
    ttl = document.get("ttl") if isinstance(document, dict) else None
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not ttl > 0:
        return 0.0
    return min(float(ttl), LONGEST_TTL_S)
