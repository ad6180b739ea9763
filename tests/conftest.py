"""What the tests share: a home of their own, the product's commands, a small city."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from xdist.scheduler import LoadScopeScheduling

from ingestion.duckdb_plugin import load_delta
from ingestion.importer import Counts
from ingestion.lake import Lake
from ingestion.source import Context
from ingestion.sources.gbfs import history
from ingestion.sources.gbfs.recording import Recording
from mobilake.secrets import pseudonym_key
from mobilake.settings import load
from simulator import City, Episode, Fault, episodes
from simulator.city import SYSTEM_ID
from simulator.clock import SimulatedClock
from simulator.events import write_events
from simulator.history import PACE_S, record
from simulator.home import World, open_world
from simulator.operations_database import operations_url, write_operations
from simulator.riders import TIMEZONE
from simulator.server import serving

ROOT = Path(__file__).parents[1]
STATUS = "station_status"
DATABASE_URL = f"MOBILAKE_SOURCE__OPS__DATABASES__{SYSTEM_ID.upper()}__URL"
IMPORTED = ("system_information", "station_information", STATUS, "free_bike_status")


class CityScheduling(LoadScopeScheduling):
    """Keeps the tests of a file in one process, and those of all files that share the city."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "published" if "(published" in (ROOT / file).read_text("utf-8") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> CityScheduling:
    """Schedule by files: xdist's own groups are none to pytest 9.2."""
    return CityScheduling(config, log)


@dataclass
class Workspace:
    """A home, and the commands of the product run on it as a user would.

    Attributes:
        root: the project's folder, in which commands are run.
    """

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    root: Path = ROOT

    def run(self, *words: str, code: int = 0, **environment: str) -> str:
        """Run `mobilake` and return all that it printed; the exit code must be `code`."""
        finished = self.start(*words, **environment)
        printed, _ = finished.communicate(timeout=900)
        assert finished.returncode == code, printed
        return printed

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mobilake", *words],
            cwd=self.root,
            env=os.environ
            | {
                "MOBILAKE_HOME": str(self.home),
                "MOBILAKE_HTTP__PRIVATE_HOSTS": json.dumps(["127.0.0.1"]),
                "MOBILAKE_HTTP__TIMEOUT_S": "5",
            }
            | self.environment
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def build(self) -> str:
        return self.run("build")

    def models(self, *names: str, tested: bool = False, full_refresh: bool = False) -> None:
        """Build models and what they rest on (default: all), unpublished.

        Args:
            tested: whether data tests of these alone run as well.
        """
        chosen = ["--select", *(f"+{name}" for name in names)] if names else []
        chosen += ["--indirect-selection=cautious", "--exclude-resource-type", "unit_test"]
        chosen += [] if tested else ["--exclude-resource-type", "test"]
        chosen += ["--full-refresh"] if full_refresh else []
        finished = subprocess.run(
            [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "build", *chosen],
            cwd=self.root,
            env=os.environ
            | {"MOBILAKE_HOME": str(self.home), "DBT_TARGET_PATH": str(self.home / "target")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout

    def import_history(self, feed: str, *files: Path, code: int = 0) -> str:
        return self.run(
            "import", "gbfs", "--system", SYSTEM_ID, "--feed", feed,
            "--timezone", TIMEZONE, *map(str, files), code=code,
        )  # fmt: skip

    def land(self, system: str, recorded: Recorded) -> Counts:
        """Import all that was recorded as `mobilake import gbfs` does, in this process."""
        places = {"home": self.home, "lake": str(self.home / "lake")}
        settings = load(ROOT).model_copy(update=places)
        lake = Lake(settings.lake, _now)
        context = Context(settings, lake, _now)
        history.settle_system(context, system, TIMEZONE, recorded.every_s[STATUS])
        key, total = pseudonym_key(settings.home), Counts()
        for feed, files in recorded.files.items():
            recording = Recording(system, feed, recorded.every_s[feed], key)
            total += history.import_files(context, recording, files, lambda file: _unheard)
        return total

    @contextmanager
    def marts(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the published marts, or what is built where nothing is published yet."""
        published = self.home / "serving" / "marts.duckdb"
        place = published if published.exists() else self.home / "gold.duckdb"
        with duckdb.connect() as reader:
            reader.execute(f"attach '{place}' as marts (read_only)")
            reader.execute("use marts.gold")
            yield reader

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with self.marts() as reader:
            return reader.execute(query).fetchall()

    def bronze(self, query: str) -> list[tuple[object, ...]]:
        path = str(self.home / "warehouse.duckdb")
        with duckdb.connect(path, read_only=True) as reader:
            load_delta(reader)
            return reader.execute(query).fetchall()


@dataclass(frozen=True)
class Recorded:
    """A simulated city, what was recorded of its feeds, and its ledger.

    Attributes:
        every_s: the seconds between two polls, by feed.
    """

    city: City
    since: datetime
    until: datetime
    every_s: Mapping[str, int]
    files: Mapping[str, list[Path]]
    ledger: Path

    def polls(self, feed: str) -> list[datetime]:
        """Return the moments at which a feed was asked, whatever came of it; UTC without a zone."""
        step, since = timedelta(seconds=self.every_s[feed]), _as_in_marts(self.since)
        return [since + n * step for n in range((self.until - self.since) // step)]


@dataclass(frozen=True)
class TrueOutages:
    """What was truly empty or full, as far as polls at some moments could tell it apart.

    Two episodes with no poll between them are one: nobody could see the interruption. Times are
    UTC without a zone, as in the marts.

    Attributes:
        polls: the moments, in order.
        known: by station and state the episodes that hold a poll, in order of time.
    """

    polls: Sequence[datetime]
    known: Mapping[tuple[str, str], Sequence[Episode]]

    @classmethod
    def of(cls, recorded: Recorded, polls: Sequence[datetime]) -> TrueOutages:
        """Make them of the city's own log."""
        merged: dict[tuple[str, str], list[Episode]] = defaultdict(list)
        for told in episodes(recorded.city, recorded.since, recorded.until):
            episode = told._replace(
                started_at=_as_in_marts(told.started_at), ended_at=_as_in_marts(told.ended_at)
            )
            known = merged[episode.station_id, episode.state]
            if known and not _between(polls, known[-1].ended_at, episode.started_at):
                known[-1] = known[-1]._replace(ended_at=episode.ended_at)
            else:
                known.append(episode)
        seen = {
            key: [one for one in found if _between(polls, one.started_at, one.ended_at)]
            for key, found in merged.items()
        }
        return cls(polls, seen)

    def __iter__(self) -> Iterator[Episode]:
        return (episode for found in self.known.values() for episode in found)

    def at(self, station_id: str, state: str, moment: datetime) -> Episode | None:
        """Return the one that a station was in at a moment."""
        known = self.known.get((station_id, state), ())
        place = bisect_right(known, moment, key=lambda one: one.ended_at)
        found = known[place] if place < len(known) else None
        return found if found and found.started_at <= moment else None

    def polls_in(self, episode: Episode) -> int:
        """Return at how many polls it could be seen."""
        return _between(self.polls, episode.started_at, episode.ended_at)


@dataclass(frozen=True)
class SmallCity:
    """A small simulated city with its recorded history, by feed."""

    world: World
    until: datetime
    files: dict[str, list[Path]]
    events: list[Path]

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve its feeds, the clock going on where the recording ends; yields the address."""
        clock = SimulatedClock(self.until, 20.0, lambda: datetime.now(UTC))
        with serving(self.world.city, clock, faults=self.world.faults) as url:
            yield f"{url}/gbfs.json"


RecordCity = Callable[..., Recorded]


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> SmallCity:
    """Two days of 12 stations, with every fault of the default plan."""
    home = tmp_path_factory.mktemp("city")
    until = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=3)
    since = until - timedelta(days=2)
    world = open_world(home, since=since, until=until, seed=5, stations=12)
    begin = datetime.combine(world.city.started_on, datetime.min.time(), UTC)
    written = record(world.city, home, begin, until, faults=world.faults)
    events = write_events(world.city, home, until)
    return SmallCity(world, until, _by_feed(written), events)


@pytest.fixture(scope="session")
def record_city(tmp_path_factory: pytest.TempPathFactory) -> RecordCity:
    """Records a city from its first day on, in a home of its own."""

    def record_it(
        city: City, days: int, every_s: int, faults: Sequence[Fault] = (), version: str = "2.3"
    ) -> Recorded:
        since = datetime.combine(city.started_on, datetime.min.time(), UTC)
        until, home = since + timedelta(days=days), tmp_path_factory.mktemp("recorded")
        files = _by_feed(record(city, home, since, until, every_s, faults=faults, version=version))
        paces = {feed: PACE_S.get(feed, 86_400) for feed in files} | {STATUS: every_s}
        return Recorded(city, since, until, paces, files, home / "ledger")

    return record_it


@pytest.fixture(scope="session")
def true_outages() -> Callable[[Recorded, Sequence[datetime]], TrueOutages]:
    """Tells what was truly empty or full, as far as polls could tell it."""
    return TrueOutages.of


@pytest.fixture(scope="session")
def new_workspace(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Workspace]:
    """Makes a workspace of its own, under a name."""
    return lambda name: Workspace(tmp_path_factory.mktemp(name) / "home")


@pytest.fixture
def workspace(new_workspace: Callable[[str], Workspace]) -> Workspace:
    return new_workspace("workspace")


@pytest.fixture(scope="module")
def tides(new_workspace: Callable[[str], Workspace]) -> Workspace:
    """The platform on a small domain of its own: what is no bike's is tested on it, in seconds."""
    return replace(new_workspace("tides"), root=ROOT / "tests" / "tides")


@pytest.fixture(scope="session")
def published(city: SmallCity, new_workspace: Callable[[str], Workspace]) -> Workspace:
    """The small city: history imported, polled, built and published; read only."""
    space = new_workspace("published")
    simulated = city.world.home
    space.environment = {DATABASE_URL: operations_url(simulated)}
    write_operations(city.world.city, simulated, city.until - timedelta(hours=30))
    with city.serving() as url:
        space.run("systems", "add", url)
        files = [str(file) for feed in IMPORTED for file in city.files[feed]]
        space.run("import", "gbfs", "--system", SYSTEM_ID, "--timezone", TIMEZONE, *files)
        space.run("ingest", "gbfs")
        space.run("ingest", **services(url))
        earlier, *later = map(str, city.events)
        space.run("import", "events", "--system", SYSTEM_ID, *later)
        write_operations(city.world.city, simulated, city.until)
        space.run("ingest")
        space.run("import", "events", "--system", SYSTEM_ID, earlier)
        space.build()
    return space


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("MOBILAKE_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real recordings in {folder} (MOBILAKE_REAL_DATA names another place)")
    return folder


def services(gbfs_url: str) -> dict[str, str]:
    """Return the settings that ask the weather service and the catalogue beside the feeds."""
    base = gbfs_url.removesuffix("/gbfs.json")
    return {
        "MOBILAKE_SOURCE__WEATHER__URL": f"{base}/v1/forecast",
        "MOBILAKE_SOURCE__CATALOGUE__URL": f"{base}/systems.csv",
    }


def _between(polls: Sequence[datetime], since: datetime, until: datetime) -> int:
    """Return how many polls were made from a moment until just before another."""
    return bisect_left(polls, until) - bisect_left(polls, since)


def _by_feed(written: Iterable[Path]) -> dict[str, list[Path]]:
    """Group history files by the feed in their name, in order of time."""
    files: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(written):
        files[file.name.split("-")[0]].append(file)
    return dict(files)


def _as_in_marts(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _now() -> datetime:
    return datetime.now(UTC)


def _unheard(done: int, size: int) -> None:
    """Take no notice of progress."""
