"""The polling service: sources asked at their own pace for months, until a signal ends it.

What ends it takes no new poll, lets requests under way end for a while, and lands everything. A
process that is killed loses what had not been committed, which is some seconds' work.
"""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import anyio
import anyio.to_thread

from ingestion.landing import Landing
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Polling, Source
from ingestion.tally import Counts, Tally
from mobilake.errors import MobilakeError, explain
from mobilake.locks import alone

log = logging.getLogger(__name__)

GRACE_S = 10.0
BEAT_S = 5.0
REPORT_S = 60.0
EXPIRY_S = 3600.0


@dataclass(frozen=True)
class Polled:
    """What a service did, from its start to its end."""

    counts: Counts

    def __str__(self) -> str:
        return f"Stopped: {self.counts}; all landed."


def run(context: Context, sources: Sequence[Source], every_s: float | None = None) -> Polled:
    """Poll until SIGTERM or SIGINT.

    Raises:
        MobilakeError: no source can be polled, or the last polls could not be landed.
        TransientError: another process polls for this home.
    """
    with alone(context.settings.home / "locks" / "poll.lock", "poll"):
        return anyio.run(serve, context, sources, every_s)


async def serve(
    context: Context,
    sources: Sequence[Source],
    every_s: float | None = None,
    stop: anyio.Event | None = None,
) -> Polled:
    """Poll until `stop` is set, or by default until a signal.

    Raises:
        MobilakeError: see `run`.
    """
    polled = [source for source in sources if source.poll]
    if not polled:
        raise MobilakeError("No source can be polled: [sources] in mobilake.toml names none.")
    tables = {table.name: table for source in polled for table in source.tables}
    started_at = context.clock()
    landing = Landing(context.lake, list(tables.values()), context.settings.poll)
    polling = Polling(context, landing, Tally(), every_s, stop or anyio.Event())
    try:
        async with anyio.create_task_group() as aside:
            if stop is None:
                aside.start_soon(_stop_at_signal, polling.stop)
            aside.start_soon(landing.run)
            aside.start_soon(_expire, context)
            aside.start_soon(_beat, polling, started_at)
            aside.start_soon(_report, polling)
            async with anyio.create_task_group() as polls:
                aside.start_soon(_cut_off, polling.stop, polls.cancel_scope)
                for source in polled:
                    if source.poll:
                        polls.start_soon(source.poll, polling)
            aside.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await landing.close()
        _write_heartbeat(polling, started_at)
    return Polled(polling.tally.total)


async def _stop_at_signal(stop: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("%s: no new polls; what is under way ends first", number.name)
            stop.set()


async def _cut_off(stop: anyio.Event, polls: anyio.CancelScope) -> None:
    """End the requests that do not end by themselves."""
    await stop.wait()
    await anyio.sleep(GRACE_S)
    polls.cancel()


async def _expire(context: Context) -> None:
    """Delete what was sealed for a while only, as a pass over the source does too."""
    while True:
        try:
            await anyio.to_thread.run_sync(
                context.lake.expire, RESTRICTED, context.settings.privacy.restricted_days
            )
        except Exception as error:  # noqa: BLE001 - the next hour sees to it
            log.warning("what has expired could not be deleted: %s", explain(error) or error)
        await anyio.sleep(EXPIRY_S)


async def _report(polling: Polling) -> None:
    """Say every minute how it goes."""
    while True:
        await anyio.sleep(REPORT_S)
        landing = polling.landing
        waits = f", {landing.waiting:,} rows wait for the lake" if landing.trouble else ""
        log.info(
            "%s systems: %s%s",
            f"{sum(polling.tally.systems.values()):,}",
            polling.tally.last_minute(),
            waits,
        )


async def _beat(polling: Polling, started_at: datetime) -> None:
    while True:
        _write_heartbeat(polling, started_at)
        await anyio.sleep(BEAT_S)


def _write_heartbeat(polling: Polling, started_at: datetime) -> None:
    """Tell whoever watches the service that it is alive, and what the last minute was like."""
    path = polling.context.settings.home / "heartbeats" / "poll.json"
    beat = {
        "time": polling.context.clock().isoformat(),
        "started_at": started_at.isoformat(),
        "systems": sum(polling.tally.systems.values()),
        **vars(polling.tally.last_minute()),
        "waiting_rows": polling.landing.waiting,
        "trouble": polling.landing.trouble,
    }
    try:
        _replace(path, json.dumps(beat) + "\n")
    except OSError as error:
        log.warning("the heartbeat cannot be written: %s", error)


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
