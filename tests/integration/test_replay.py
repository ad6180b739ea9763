"""Incremental = rebuild: whatever comes late, twice, shuffled, split, whatever build is killed."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import orjson
import pytest
import zstandard
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from ingestion.importer import Counts, import_file
from ingestion.lake import Lake, rows_of
from ingestion.source import Context, load_sources
from ingestion.sources.events.recording import EventLines
from ingestion.sources.gbfs import history
from ingestion.sources.gbfs.recording import Recording
from ingestion.sources.weather.tables import WEATHER_HOURLY
from ingestion.sources.zones import landing as zones
from ingestion.sources.zones.features import Reading
from mobilake.secrets import pseudonym_key
from mobilake.settings import Settings, load, share_with_libraries
from mobilake.transform import WITHOUT_TESTS, build_landed
from simulator.city import City
from simulator.events import write_events
from simulator.faults import default_faults
from simulator.history import record
from simulator.home import open_world
from simulator.moments import to_seconds
from simulator.weather_service import forecast
from simulator.zones import write_zones

EXAMPLES = int(os.environ.get("MOBILAKE_EXAMPLES", "0"))
"""How many arrivals are made up besides those that stand here: a minute each."""
SYSTEM = "port_aurora"
EVENTS = "events"
WEATHER = "weather"
VARIABLES = ["temperature_2m", "precipitation", "wind_speed_10m", "relative_humidity_2m"]
BATCHES = 3
RUN_LINES, RUNS = 40, 10
UNCHANGED_EVERY = 9


class Lines(dict[str, list[bytes]]):
    """Recorded lines by feed, and the city that they are of."""

    city: City

    def __repr__(self) -> str:
        return str({feed: len(lines) for feed, lines in self.items()})


@dataclass(frozen=True)
class Arrival:
    """How the same lines arrive: what each build sees of them, and which builds are killed.

    Attributes:
        seed: of where runs of lines go, which come twice, and of their order.
        late: how many runs in ten do not come in the batch in which they would by time.
        twice: how many lines in a hundred come again in a later batch.
        killed_after: for each batch, the number of models after which its build is killed.
    """

    seed: int
    late: int
    twice: int
    killed_after: tuple[int | None, ...]

    def batches(self, lines: Lines) -> list[Lines]:
        """Return what comes before each build; all lines come in one of them."""
        chance = random.Random(self.seed)
        builds = len(self.killed_after)
        batches: list[Lines] = [Lines({feed: [] for feed in lines}) for _ in range(builds)]
        for feed, sent in lines.items():
            run = max(1, min(RUN_LINES, len(sent) // RUNS))
            for start in range(0, len(sent), run):
                number = start * builds // len(sent)
                if chance.randrange(10) < self.late:
                    number = chance.randrange(builds)
                batches[number][feed] += sent[start : start + run]
            for line in sent:
                if chance.randrange(100) < self.twice:
                    batches[chance.randrange(builds)][feed].append(line)
        for batch in batches:
            for arrived in batch.values():
                chance.shuffle(arrived)
        return batches


arrivals = st.builds(
    Arrival,
    seed=st.integers(0, 2**32),
    late=st.integers(0, 10),
    twice=st.integers(0, 20),
    killed_after=st.tuples(*[st.none() | st.integers(0, 40)] * BATCHES),
)


SHORT = Arrival(seed=1, late=6, twice=10, killed_after=(None, 40))
KNOWN = (
    Arrival(seed=1, late=6, twice=10, killed_after=(25, None, 40)),
    Arrival(seed=22, late=8, twice=15, killed_after=(None, None, None)),
)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """Three days of four stations every ten minutes, faults and answers of 304 among them."""
    home = tmp_path_factory.mktemp("small")
    until = datetime(2026, 3, 30, 6, tzinfo=UTC)  # the clocks change on the 29th
    since = until - timedelta(days=3)
    world = open_world(home, since=since, until=until, seed=3, stations=4)
    begin = datetime.combine(world.city.started_on, datetime.min.time(), UTC)
    faults = default_faults(3, begin, until)
    found = Lines()
    found.city = world.city
    recorded = sorted(record(world.city, home, begin, until, 600, faults=faults))
    for file in recorded + write_events(world.city, home, until):
        if file.suffix == ".zst":
            text = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read()
            found.setdefault(file.name.split("-")[0], []).extend(text.splitlines())
    found["station_status"] = [
        _not_modified(line, found["station_status"][place - 1])
        if place % UNCHANGED_EVERY == UNCHANGED_EVERY - 1
        else line
        for place, line in enumerate(found["station_status"])
    ]
    found[WEATHER] = list(told_weather(world.city, since, until))
    return found


def told_weather(city: City, since: datetime, until: datetime) -> Iterator[bytes]:
    """Yield what the weather service answers every five hours; each tells of three days."""
    for hours in range(0, (until - since) // timedelta(hours=1), 5):
        at = since + timedelta(hours=hours)
        days = at.date() - timedelta(days=1), at.date() + timedelta(days=1)
        body = forecast(city, to_seconds(at), *days, VARIABLES, has_faults=True)
        row = {
            "request_id": f"{at:%Y%m%dT%H}",
            "system_id": SYSTEM,
            "lat": 38.7,
            "lon": -9.1,
            "from_on": days[0],
            "until_on": days[1],
            "requested_at": at,
            "fetched_at": at,
            "http_status": 200,
            "body": "<html>" if hours == 0 else orjson.dumps(body).decode(),
        }
        yield orjson.dumps(row)


def _not_modified(line: bytes, before: bytes) -> bytes:
    body = orjson.loads(before)["body"]
    text = body.encode() if isinstance(body, str) else orjson.dumps(body)
    moment = orjson.loads(line)["fetched_at"]
    seen = hashlib.sha256(text).hexdigest()
    return orjson.dumps({"fetched_at": moment, "body": None, "http_status": 304, "sha256": seen})


def known(test: Callable[..., None]) -> Callable[..., None]:
    """Try what once made a difference in `make soak`, and less of the like in `make test`."""
    for arrival in KNOWN if EXAMPLES else (SHORT,):
        test = example(arrival=arrival)(test)
    return test


@given(arrival=arrivals)
@known
@settings(
    max_examples=max(EXAMPLES, 1),
    deadline=None,
    database=None,
    phases=[Phase.explicit, *([Phase.generate] if EXAMPLES else [])],
    suppress_health_check=list(HealthCheck),
)
def test_every_gold_table_is_what_a_rebuild_makes_it(lines, new_workspace, arrival):
    space = new_workspace("replay")
    arrived = zip(arrival.batches(lines), arrival.killed_after, strict=True)
    for number, (batch, killed_after) in enumerate(arrived):
        with context_of(space.home) as context:
            land(context, batch, space.home / "arrived")
            if number == len(arrival.killed_after) - 1:  # when most else is there
                file = write_zones(lines.city, space.home)
                zones.land(context, SYSTEM, file, Reading(None, "name"))
        if killed_after is not None:
            kill_build(space, killed_after)
        build(space.home)
    rebuilt = new_workspace("rebuilt")
    shutil.copytree(space.home / "lake", rebuilt.home / "lake")
    received = sum(len(line) for sent in lines.values() for line in sent)
    assert build(rebuilt.home, slice_mb=received / 2e6) > 1
    assert differences(space.home, rebuilt.home) == {}


@contextmanager
def context_of(home: Path, slice_mb: float = 8000) -> Iterator[Context]:
    """Yield the context of a home, dbt's environment set to it meanwhile."""
    before = dict(os.environ)
    settings = load()
    sliced = settings.build.model_copy(update={"slice_mb": slice_mb})
    places = {"home": home, "lake": str(home / "lake")}
    chosen: Settings = settings.model_copy(update={**places, "build": sliced})
    share_with_libraries(chosen)
    try:
        clock = lambda: datetime.now(UTC)  # noqa: E731
        yield Context(chosen, Lake(chosen.lake, clock), clock)
    finally:
        os.environ.clear()
        os.environ.update(before)


def land(context: Context, batch: Lines, folder: Path) -> None:
    """Import lines as files of recorded history."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in load_sources(context.settings).values():
        for table in source.tables:
            context.lake.open(table)
    history.settle_system(context, SYSTEM, "Europe/Lisbon", 600)
    land_weather(context, batch.pop(WEATHER))
    for feed, arrived in batch.items():
        if arrived:
            file = folder / f"{feed}.jsonl"
            file.write_bytes(b"\n".join(arrived) + b"\n")
            counts = _land(context, feed, file)
            assert counts.received == len(arrived)
            assert counts.accepted + counts.known + counts.quarantined == counts.received


def land_weather(context: Context, arrived: list[bytes]) -> None:
    """Append answers as a pass over the service does; one that comes twice is there twice."""
    moments, dates = ("requested_at", "fetched_at"), ("from_on", "until_on")
    rows = [orjson.loads(line) for line in arrived]
    for row in rows:
        row |= {name: datetime.fromisoformat(row[name]) for name in moments}
        row |= {name: date.fromisoformat(row[name]) for name in dates}
    if rows:
        context.lake.append(WEATHER_HOURLY, rows_of(WEATHER_HOURLY, rows))


def _land(context: Context, feed: str, file: Path) -> Counts:
    key = pseudonym_key(context.settings.home)
    if feed == EVENTS:
        lines = EventLines(SYSTEM, context.clock(), key)
        return import_file(context, file, lines.target, lines.read_line)
    pace = {"station_status": 600, "free_bike_status": 300}.get(feed, 3600)
    recording = Recording(SYSTEM, feed, pace, key)
    return history.import_files(context, recording, [file], lambda _: lambda done, total: None)


def build(home: Path, slice_mb: float = 8000) -> int:
    """Run the models without their tests; return in how many rounds."""
    rounds = 1

    def count(line: str) -> None:
        nonlocal rounds
        rounds += "another round" in line

    with context_of(home, slice_mb) as context:
        built = build_landed(context.settings, count, WITHOUT_TESTS)
    assert [node.reason for node in built.failures] == []
    return rounds


def kill_build(space, after: int) -> None:
    """Start a build and kill it with SIGKILL once so many models are done."""
    victim = space.start("build")
    assert victim.stdout is not None
    for done, _ in enumerate(victim.stdout):
        if done >= after:
            break
    victim.kill()
    victim.wait()
    victim.stdout.close()


def differences(one: Path, other: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of each gold table that only one of two homes has, a few of them."""
    found = {}
    with duckdb.connect() as both:
        both.execute(f"attach '{one / 'gold.duckdb'}' as one (read_only)")
        both.execute(f"attach '{other / 'gold.duckdb'}' as other (read_only)")
        tables = both.execute(
            "select table_name from duckdb_tables() where database_name = 'other'"
        ).fetchall()
        assert len(tables) >= 13
        for (table,) in tables:
            columns = both.execute(f"describe other.gold.{table}").fetchall()
            kept = ", ".join(f'"{column[0]}"' for column in columns if column[0] != "built_at")
            rows = both.execute(
                f"""(select 'incremental', * from (
                    select {kept} from one.gold.{table} except all
                    select {kept} from other.gold.{table}))
                union all (select 'rebuilt', * from (
                    select {kept} from other.gold.{table} except all
                    select {kept} from one.gold.{table})) limit 6"""
            ).fetchall()
            if rows:
                found[table] = rows
    return found
