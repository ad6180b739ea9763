"""The cost of one new poll, after a month and after two years of 250 stations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import zstandard

from ingestion.importer import import_file
from ingestion.lake import Lake
from ingestion.source import Context, load_sources
from ingestion.sources.gbfs.history import settle_system
from ingestion.sources.gbfs.recording import Recording
from mobilake import steps
from mobilake.secrets import pseudonym_key
from mobilake.settings import load, share_with_libraries
from mobilake.transform import dbt_build
from simulator.history import record
from simulator.home import World, open_world

SYSTEM = "port_aurora"
UNTESTED = ("--exclude-resource-type", "test")
"""A model is measured without the tests that would share its threads."""
STATIONS = 250
INTERVAL_S = 600
SINCE = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cost:
    """What a build after one new poll costs, in seconds, and what it had to do with."""

    observations: int
    models_s: float
    tests_s: float
    gate_s: float


def measure(folder: Path, days: int) -> Cost:
    """Build a history of so many days, then land one poll more and build again."""
    before = _context(folder / "home", _yesterday)
    world = _world(folder, days)
    for feed, lines in _recorded(world, folder, days):
        _land(before, feed, lines)
    steps.build(before, lambda line: None)
    context = _context(folder / "home", _now)
    moment = SINCE + timedelta(days=days)
    _land(context, "station_status", _one_more(folder, moment))
    models = dbt_build(context.settings, arguments=UNTESTED)
    transformed = steps.transform_landed(context.settings, lambda line: None)
    started = time.monotonic()
    verdict = steps.judge(context.settings, transformed)
    steps.publish(context, transformed, verdict)
    return Cost(
        observations=days * 86400 // INTERVAL_S * STATIONS,
        models_s=sum(node.seconds for node in models.nodes if node.kind == "model"),
        tests_s=sum(node.seconds for node in transformed.nodes if node.kind == "test"),
        gate_s=time.monotonic() - started,
    )


def _context(home: Path, clock: Callable[[], datetime]) -> Context:
    chosen = load().model_copy(update={"home": home, "lake": str(home / "lake")})
    share_with_libraries(chosen)
    context = Context(chosen, Lake(chosen.lake, clock), clock)
    for source in load_sources(chosen).values():
        for table in source.tables:
            context.lake.open(table)
    settle_system(context, SYSTEM, "Europe/Lisbon", INTERVAL_S)
    return context


def _world(folder: Path, days: int) -> World:
    return open_world(
        folder / "city",
        since=SINCE, until=SINCE + timedelta(days=days), stations=STATIONS, has_faults=False,
        scooters=0,
    )  # fmt: skip


def _recorded(world: World, folder: Path, days: int) -> Iterator[tuple[str, Path]]:
    until = SINCE + timedelta(days=days)
    for file in sorted(record(world.city, folder / "city", SINCE, until, INTERVAL_S)):
        feed = file.name.split("-")[0]
        if feed in ("station_status", "station_information"):
            yield feed, file


def _one_more(folder: Path, moment: datetime) -> Path:
    """Return a file with the last poll once more, ten minutes later."""
    last = sorted((folder / "city" / "history").glob("station_status-*"))[-1]
    text = zstandard.ZstdDecompressor().stream_reader(last.read_bytes()).read()
    line = orjson.loads(text.splitlines()[-1]) | {"fetched_at": moment.isoformat()}
    file = folder / "one-more.jsonl"
    file.write_bytes(orjson.dumps(line) + b"\n")
    return file


def _land(context: Context, feed: str, file: Path) -> None:
    pace = INTERVAL_S if feed == "station_status" else 3600
    recording = Recording(SYSTEM, feed, pace, pseudonym_key(context.settings.home))
    import_file(context, file, recording.target, recording.read_line)


def _now() -> datetime:
    return datetime.now(UTC)


def _yesterday() -> datetime:
    return _now() - timedelta(days=1)
