"""What the tests share: a home of their own, the product's commands, a small city."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ingestion.duckdb_plugin import load_delta
from simulator.city import SYSTEM_ID
from simulator.clock import SimulatedClock
from simulator.history import record
from simulator.home import World, open_world
from simulator.server import serving

ROOT = Path(__file__).parents[1]


@dataclass
class Workspace:
    """A home, and the commands of the product run on it as a user would."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, code: int = 0, **environment: str) -> str:
        """Run `mobilake` and return all that it printed; the exit code must be `code`."""
        finished = self.start(*words, **environment)
        printed, _ = finished.communicate(timeout=300)
        assert finished.returncode == code, printed
        return printed

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mobilake", *words],
            cwd=ROOT,
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

    def import_history(self, feed: str, *files: Path, code: int = 0) -> str:
        return self.run(
            "import", "gbfs", "--system", SYSTEM_ID, "--feed", feed,
            "--timezone", "Europe/Lisbon", *map(str, files), code=code,
        )  # fmt: skip

    @contextmanager
    def marts(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.home / "serving" / "marts.duckdb"), read_only=True) as reader:
            reader.execute("use gold")
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
class City:
    """A small simulated city with its recorded history, by feed."""

    world: World
    until: datetime
    files: dict[str, list[Path]]

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve its feeds, the clock going on where the recording ends; yields the address."""
        clock = SimulatedClock(self.until, 20.0, lambda: datetime.now(UTC))
        with serving(self.world.city, clock, faults=self.world.faults) as url:
            yield f"{url}/gbfs.json"


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Two days of 12 stations, with every fault of the default plan."""
    home = tmp_path_factory.mktemp("city")
    until = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=3)
    since = until - timedelta(days=2)
    world = open_world(home, since=since, until=until, seed=5, stations=12)
    begin = datetime.combine(world.city.started_on, datetime.min.time(), UTC)
    written = record(world.city, home, begin, until, faults=world.faults)
    files: dict[str, list[Path]] = {}
    for file in sorted(written):
        if file.suffix == ".zst":
            files.setdefault(file.name.split("-")[0], []).append(file)
    return City(world, until, files)


@pytest.fixture(scope="session")
def new_workspace(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Workspace]:
    """Makes a workspace of its own, under a name."""
    return lambda name: Workspace(tmp_path_factory.mktemp(name) / "home")


@pytest.fixture
def workspace(new_workspace: Callable[[str], Workspace]) -> Workspace:
    return new_workspace("workspace")


@pytest.fixture(scope="session")
def published(city: City, new_workspace: Callable[[str], Workspace]) -> Workspace:
    """The small city: history imported, polled three times, published twice; read only."""
    space = new_workspace("published")
    with city.serving() as url:
        space.run("systems", "add", url)
        for feed, files in city.files.items():
            space.import_history(feed, *files)
        space.run("ingest", "gbfs")
        space.run("ingest")
        space.build()
        space.run("ingest", "gbfs")
        space.build()
    return space


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("MOBILAKE_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real recordings in {folder} (MOBILAKE_REAL_DATA names another place)")
    return folder
