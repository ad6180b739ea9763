"""Recorded history: files of it into the lake, and whose they are."""

from __future__ import annotations

import statistics
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from ingestion.files import opened
from ingestion.importer import Counts, import_file
from ingestion.lake import Lake
from ingestion.source import Context
from ingestion.sources.gbfs.feeds import FEEDS, INDEX
from ingestion.sources.gbfs.recording import Recording, moment_of
from ingestion.sources.gbfs.registry import (
    POLL_INTERVAL_S,
    System,
    check_system_id,
    check_timezone,
    register,
    systems,
)
from ingestion.sources.gbfs.tables import GBFS_FETCH
from mobilake.errors import MobilakeError

SAMPLE_LINES = 500


def import_files(
    context: Context, recording: Recording, files: list[Path], progress: Any
) -> Counts:
    """Import files one after the other; return what became of all their lines.

    Args:
        progress: makes, for a file, the callback that `import_file` reports to.
    """
    total = Counts()
    for file in files:
        total += import_file(context, file, recording.target, recording.read_line, progress(file))
    return total


def settle_system(
    context: Context, system_id: str, timezone: str | None, interval_s: int | None
) -> System:
    """Return the system that a recording belongs to, registered if it was not, or not like this.

    The time zone comes from the option, the registration, or the system's own feed in the lake.

    Raises:
        MobilakeError: no time zone is known, or it is none.
    """
    check_system_id(system_id)
    known = systems(context.lake).get(system_id)
    zone = timezone or (known.timezone if known else None) or _own_timezone(context.lake, system_id)
    if zone is None:
        raise MobilakeError(
            f"The time zone of {system_id} is not known: add --timezone, such as "
            "--timezone Europe/Oslo, or import its system_information first."
        )
    check_timezone(zone)
    settled = (
        replace(known, timezone=zone)
        if known
        else System(system_id, None, zone, interval_s or POLL_INTERVAL_S)
    )
    if settled != known:
        register(context.lake, settled, context.clock())
    return settled


def check_feed(feed: str) -> None:
    """Refuse a feed that GBFS does not define: it is not known what in it would be personal."""
    if feed not in (INDEX, *FEEDS):
        raise MobilakeError(f"{feed!r} is no feed of GBFS: it is one of {', '.join(FEEDS)}.")


def typical_interval_s(file: Path) -> int | None:
    """Return the median distance of a recording's first polls, to ten seconds, or None.

    What is readable of a damaged file tells it too: the import itself will complain.
    """
    moments = []
    with suppress(MobilakeError), opened(file) as (lines, _):
        for line in lines:
            try:
                moments.append(moment_of(orjson.loads(line)["fetched_at"]))
            except (ValueError, KeyError, TypeError):
                continue
            if len(moments) >= SAMPLE_LINES:
                break
    distances = [
        (after - before).total_seconds()
        for before, after in pairwise(sorted(moments))
        if after > before
    ]
    if not distances:
        return None
    return max(10, round(statistics.median(distances) / 10) * 10)


def _own_timezone(lake: Lake, system_id: str) -> str | None:
    rows = lake.read(
        GBFS_FETCH,
        ["fetched_at", "body"],
        f"system_id = '{system_id}' and feed = 'system_information' and body is not null",
    ).to_pylist()
    for row in sorted(rows, key=lambda row: row["fetched_at"], reverse=True):
        zone = timezone_of(row["body"])
        if zone:
            return zone
    return None


def timezone_of(body: str) -> str | None:
    """Return the time zone that a `system_information` document states, or None."""
    try:
        zone = orjson.loads(body)["data"]["timezone"]
        return zone if zone and isinstance(zone, str) else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
