"""Waiting that ends early when it is time to stop, and work that goes on whatever fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio

log = logging.getLogger(__name__)


async def waited(stop: anyio.Event, seconds: float) -> bool:
    """Wait; return False if it was told to stop meanwhile."""
    with anyio.move_on_after(max(0.0, seconds)):
        await stop.wait()
    return not stop.is_set()


async def kept_up(
    what: str, run: Callable[[], Awaitable[None]], stop: anyio.Event, pause_s: float
) -> None:
    """Run what must go on; a defect of ours in it is logged, and does not end the others."""
    while not stop.is_set():
        try:
            await run()
        except Exception:
            log.exception("%s failed; it goes on in %g s", what, pause_s)
            await waited(stop, pause_s)
        else:
            return
