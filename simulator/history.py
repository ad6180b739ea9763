"""Recorded history: what a client would have archived, one file per feed and UTC day."""

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path

import orjson
import zstandard

from simulator import ledger
from simulator.city import City
from simulator.faults import Fault
from simulator.feeds import Feeds
from simulator.home import replacing, write_json
from simulator.moments import DAY_S, day_of, days_between, iso, midnight, to_seconds

ZSTD_LEVEL = 1
HOUR_S = 3_600

Progress = Callable[[int, int], None]
"""Told the days done and the days in all."""


def record(
    city: City,
    home: Path,
    since: datetime,
    until: datetime,
    interval_s: int = 60,
    *,
    faults: Iterable[Fault] = (),
    progress: Progress | None = None,
) -> list[Path]:
    """Record the city's feeds and truth from the UTC day of ``since`` to just before ``until``.

    A file holds a UTC day from its beginning. What was recorded before stays as it is; only the
    file of a day that was not over is replaced by a longer one. ``station_status`` is polled
    every ``interval_s`` seconds, ``station_information`` hourly, ``system_information`` daily.
    A poll that gets no document (status other than 200, no answer) leaves no line.

    Returns:
        The history files that are new or have grown, in order of day and feed.
    """
    faults = tuple(faults)
    end = to_seconds(until)
    intervals = {
        "system_information": DAY_S,
        "station_information": HOUR_S,
        "station_status": interval_s,
    }
    first = max(city.started_on, day_of(to_seconds(since)))
    days = days_between(first, day_of(end - 1))
    feeds, coverage, written = Feeds(city, faults), _Coverage(home / "history"), []
    for done, day in enumerate(days, start=1):
        for feed, interval in intervals.items():
            path = home / "history" / f"{feed}-{day}.jsonl.zst"
            polls = range(midnight(day), min(midnight(day) + DAY_S, end), interval)
            if coverage.lacks(path, polls):
                _write(path, feeds, feed, polls)
                coverage.note(path, polls)
                written.append(path)
        if progress is not None:
            progress(done, len(days))
    _write_ledger(city, home, days, end, written)
    ledger.write_faults(home, faults)
    return written


def _write(path: Path, feeds: Feeds, feed: str, polls: range) -> None:
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
    with replacing(path) as temporary, compressor.stream_writer(temporary.open("wb")) as lines:
        for at in polls:
            answer = feeds.answer(feed, at)
            if answer is not None and answer.status == 200 and not answer.never:
                line = {"fetched_at": iso(at), "body": answer.body}
                lines.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def _write_ledger(city: City, home: Path, days: list[date], end: int, written: list[Path]) -> None:
    """Write the days whose truth may have changed: those recorded now, and the one before."""
    city.day(days[-1])
    touched = {path.name.removesuffix(".jsonl.zst")[-10:] for path in written}
    for day, next_day in zip(days, [*days[1:], None], strict=True):
        if str(day) in touched or str(next_day) in touched:
            ledger.write_day(city, home, day, end)


class _Coverage:
    """How far each history file reaches, kept in ``coverage.json`` beside the files."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "coverage.json"
        self._last: dict[str, str] = {}
        if self._path.exists():
            self._last = json.loads(self._path.read_text(encoding="utf-8"))

    def lacks(self, path: Path, polls: range) -> bool:
        """Tell whether a file does not exist or ends before the last of the polls."""
        return not path.exists() or self._last.get(path.name, "") < iso(polls[-1])

    def note(self, path: Path, polls: range) -> None:
        """Remember the last poll of a file."""
        self._last[path.name] = iso(polls[-1])
        write_json(self._path, dict(sorted(self._last.items())))
