"""Recorded history: files of it into the lake, and whose they are."""

from __future__ import annotations

import statistics
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
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
SAMPLE_FILES = 50


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


def feeds_of(files: list[Path], feed: str | None) -> dict[str, list[Path]]:
    """Return the files by feed, what tells of the system first.

    Args:
        feed: the feed of all files; where None it is told by the beginning of each file's name.

    Raises:
        MobilakeError: there is no such file, or no such feed.
    """
    found: dict[str, list[Path]] = {}
    for file in files:
        if not file.is_file():
            raise MobilakeError(f"{file} is no file: check the path.")
        found.setdefault(feed or _named(file), []).append(file)
    for name in found:
        check_feed(name)
    return dict(sorted(found.items(), key=lambda item: item[0] != "system_information"))


def _named(file: Path) -> str:
    for name in sorted(FEEDS, key=len, reverse=True):
        if file.name.startswith(name) and not file.name[len(name) :][:1].isalnum():
            return name
    raise MobilakeError(
        f"{file.name} does not begin with the name of a feed: say which it is with --feed."
    )


def typical_interval_s(files: list[Path]) -> int | None:
    """Return the median distance of a recording's first polls, to ten seconds, or None.

    What is readable of a damaged file tells it too: the import itself will complain.
    """
    moments: list[datetime] = []
    for file in files[:SAMPLE_FILES]:
        with suppress(MobilakeError), opened(file) as (lines, _):
            for line in lines:
                if len(moments) >= SAMPLE_LINES:
                    break
                with suppress(ValueError, KeyError, TypeError):
                    moments.append(moment_of(orjson.loads(line)["fetched_at"]))
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
