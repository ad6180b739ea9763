"""Recorded history: what a client would have archived, one file per feed and UTC day."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

import orjson
import zstandard

from simulator import ledger
from simulator.city import City
from simulator.faults import Fault
from simulator.feeds import Feeds
from simulator.gbfs import VERSION
from simulator.gbfs.dialect import FREE_BIKES, INFORMATION, STATUS, VEHICLES
from simulator.home import replacing, write_json
from simulator.moments import DAY_S, day_of, days_between, iso, midnight, to_seconds

ZSTD_LEVEL = 1
PACE_S = {INFORMATION: 3_600, FREE_BIKES: 300, VEHICLES: 300}
"""Seconds between polls; ``station_status`` is polled as asked, all other feeds daily."""

BASE_URL = "https://gbfs.aurora.example"

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
    version: str = VERSION,
) -> list[Path]:
    """Record the city's feeds and truth from the UTC day of ``since`` to just before ``until``.

    A file holds a UTC day from its beginning. What was recorded before stays as it is; only the
    file of a day that was not over is replaced by a longer one. ``station_status`` is polled
    every ``interval_s`` seconds, vehicles every five minutes, ``station_information`` hourly, all
    other feeds daily. An answer with a status other than 200 is a line with its ``http_status``;
    a poll that gets no answer leaves no line.

    Version 2.3 is recorded in the folder ``history``, others beside it, as ``history-3.0``.

    Returns:
        The history files that are new or have grown, in order of day and feed.
    """
    faults = tuple(faults)
    end = to_seconds(until)
    pace_s = PACE_S | {STATUS: interval_s}
    first = max(city.started_on, day_of(to_seconds(since)))
    days = days_between(first, day_of(end - 1))
    folder = home / ("history" if version == VERSION else f"history-{version}")
    feeds, coverage = Feeds(city, faults, version), _Coverage(folder)
    written: list[Path] = []
    for done, day in enumerate(days, start=1):
        grown: dict[Path, range] = {}
        for feed in feeds.names:
            path = folder / f"{feed}-{day}.jsonl.zst"
            begin = midnight(day)
            polls = range(begin, min(begin + DAY_S, end), pace_s.get(feed, DAY_S))
            if coverage.lacks(path, polls):
                _write(path, feeds, feed, polls)
                grown[path] = polls
        if grown:
            coverage.note(grown)
            written += grown
        if progress is not None:
            progress(done, len(days))
    _write_ledger(city, home, days, end, written)
    ledger.write_faults(city, home, faults, end)
    return written


def _write(path: Path, feeds: Feeds, feed: str, polls: range) -> None:
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
    with replacing(path) as temporary, compressor.stream_writer(temporary.open("wb")) as lines:
        for at in polls:
            answer = feeds.answer(feed, at, BASE_URL)
            if answer is not None and answer.comes:
                line: dict[str, str | int] = {"fetched_at": iso(at), "body": answer.body}
                if answer.status != 200:
                    line["http_status"] = answer.status
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

    def note(self, grown: Mapping[Path, range]) -> None:
        """Remember the last poll of each file."""
        self._last |= {path.name: iso(polls[-1]) for path, polls in grown.items()}
        write_json(self._path, dict(sorted(self._last.items())))
