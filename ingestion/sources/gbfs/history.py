"""Recorded history: JSON Lines of `{"fetched_at", "body"}` with the document as it was served."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from ingestion.files import opened
from ingestion.importer import Counts, Rejected, Target, import_file
from ingestion.lake import Lake
from ingestion.privacy import Protected, seal
from ingestion.source import Context
from ingestion.sources.gbfs.feeds import FEEDS, INDEX, PERSONAL
from ingestion.sources.gbfs.registry import (
    POLL_INTERVAL_S,
    System,
    check_system_id,
    check_timezone,
    register,
    systems,
)
from ingestion.sources.gbfs.tables import GBFS_FETCH, body_columns, fetch_id
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret

SAMPLE_LINES = 500


@dataclass(frozen=True)
class Recording:
    """What is imported: whose feed, how often it was asked, and the key of the pseudonyms."""

    system_id: str
    feed: str
    interval_s: int
    key: Secret

    @property
    def target(self) -> Target:
        """Where its lines land."""
        return Target(GBFS_FETCH, "fetch_id", f"gbfs:{self.system_id}:{self.feed}")

    def read_line(self, line: bytes, origin: str, position: int) -> Mapping[str, object]:
        """Return a line as a row of `gbfs_fetch`, or reject it with the reason."""
        try:
            record = orjson.loads(line)
            fetched_at, body = _moment(record["fetched_at"]), _as_served(record["body"])
        except orjson.JSONDecodeError:
            raise self._rejected("not JSON", line) from None
        except (KeyError, TypeError):
            raise self._rejected('not of the form {"fetched_at", "body"}', line) from None
        except ValueError:
            raise self._rejected("fetched_at is no time with a zone", line) from None
        columns, _ = body_columns(self.feed, body, self.key)
        if columns["error"] == "restricted":
            raise self._rejected("body of a personal feed is not JSON", line)
        return {
            **columns,
            "fetch_id": fetch_id(self.system_id, self.feed, fetched_at, str(columns["sha256"])),
            "system_id": self.system_id,
            "feed": self.feed,
            "fetched_at": fetched_at,
            "expected_interval_s": self.interval_s,
            "origin": f"import:{origin}",
        }

    def _rejected(self, reason: str, line: bytes) -> Rejected:
        """A rejected line of a personal feed is sealed: its body may be text, ids and all."""
        text = line.decode("utf-8", "backslashreplace")
        if self.feed in PERSONAL:
            return Rejected(reason, Protected(None, seal(text, self.key)))
        return Rejected(reason, Protected(text))


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
    settled = System(
        system_id,
        known.url if known else None,
        zone,
        known.poll_interval_s if known else interval_s or POLL_INTERVAL_S,
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
                moments.append(_moment(orjson.loads(line)["fetched_at"]))
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


def _moment(text: object) -> datetime:
    if not isinstance(text, str):
        raise ValueError("a time is text")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time is in the years 1 to 9999 of UTC") from None


def _as_served(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, dict | list):
        return orjson.dumps(body)
    if body is None:
        return b""
    raise TypeError("a body is a document")
