"""A long history of 500 stations at a poll a minute, from raw to marts in 4 GB, and a day on top.

A year (``YEAR_DAYS=365``) is 263 million observations; fewer days tell the same per row.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from bench import silver
from mobilake.settings import Settings, load
from mobilake.transform import manifest
from simulator.history import record
from simulator.home import open_world

ROOT = Path(__file__).parents[1]
SYSTEM = "port_aurora"
STATIONS = 500
INTERVAL_S = 60
SINCE = datetime(2024, 1, 1, tzinfo=UTC)
FEEDS = ("station_information", "station_status", "system_information")
MEMORY_GB = 4.0
DUCKDB_MEMORY = "2500MB"
"""What DuckDB may hold of it; the rest is for Python, dbt and what DuckDB does not count."""
Result = TypeVar("Result")
LAYERS = ("bronze", "silver", "gold")
ENDED = re.compile(r"(\w+): \w+ \((\d+\.\d) s\)")
"""What `mobilake build` prints of a model."""


@dataclass(frozen=True)
class Build:
    """What a `mobilake build` took, publication included.

    Attributes:
        memory_gb: the most that the process held.
        rounds: in how many the backlog was read.
        layers: the seconds of its models, added up by schema; two run at a time.
        models_s: how long any model was running.
        same_s: the seconds of the models that bare SQL makes as well.
    """

    seconds: float
    memory_gb: float
    rounds: int
    layers: dict[str, float]
    models_s: float
    same_s: float


@dataclass(frozen=True)
class Measured:
    """The cost of a long history, and of a day after it."""

    observations: int
    import_s: float
    first: Build
    bare_s: float
    daily_import_s: float
    daily: Build


def measure(folder: Path, days: int) -> Measured:
    """Import and build so many days, then one day more."""
    home = folder / "home"
    *files, last = _aside(_recorded, folder / "city", days + 1)
    import_s = _import(home, [file for day in files for file in day])
    first = _build(home)
    bare_s = _aside(silver.bare, home, folder / "bare.duckdb")
    daily_import_s = _import(home, last)
    observations = days * 86_400 // INTERVAL_S * STATIONS
    return Measured(observations, import_s, first, bare_s, daily_import_s, _build(home))


def _aside(call: Callable[..., Result], *arguments: object) -> Result:
    """Call in a process of its own: the memory that ours held would count as our children's."""
    with ProcessPoolExecutor(1, get_context("spawn")) as aside:
        return aside.submit(call, *arguments).result()


def _recorded(home: Path, days: int) -> list[list[Path]]:
    """Return the files of each day."""
    until = SINCE + timedelta(days=days)
    world = open_world(
        home, since=SINCE, until=until, stations=STATIONS, has_faults=False, scooters=0
    )
    files: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(record(world.city, home, SINCE, until, INTERVAL_S)):
        feed, _, day = file.name.removesuffix(".jsonl.zst").partition("-")
        if feed in FEEDS:
            files[day].append(file)
    return [files[day] for day in sorted(files)]


def _import(home: Path, files: list[Path]) -> float:
    words = ["import", "gbfs", "--system", SYSTEM, "--timezone", "Europe/Lisbon"]
    return _run(home, *words, *map(str, files))[0]


def _build(home: Path) -> Build:
    seconds, memory_gb, said = _run(home, "build")
    nodes = manifest(_settings(home))["nodes"].values()
    schemas = {node["name"]: node["schema"] for node in nodes if node["resource_type"] == "model"}
    spent: defaultdict[str, float] = defaultdict(float)
    ran: list[tuple[float, float]] = []
    for at, line in said:  # of every round: dbt's own artifact tells of the last one
        ended = ENDED.fullmatch(line)
        if ended:
            name, took = ended[1], float(ended[2])
            spent[schemas[name]] += took
            spent["same"] += took if name in silver.MODELS else 0
            ran.append((at - took, at))
    rounds = 1 + sum("another round" in line for _, line in said)
    layers = {layer: spent[layer] for layer in LAYERS}
    return Build(seconds, memory_gb, rounds, layers, _covered_s(ran), spent["same"])


def _covered_s(spans: list[tuple[float, float]]) -> float:
    """Return the seconds that lie in any of the spans."""
    covered = until = 0.0
    for began, ended in sorted(spans):
        covered += max(ended - max(began, until), 0.0)
        until = max(until, ended)
    return covered


def _run(home: Path, *words: str) -> tuple[float, float, list[tuple[float, str]]]:
    """Run a command of the product.

    Returns:
        Its seconds, the most memory it held in GB, and each line it printed with its second.
    """
    started = time.monotonic()
    environment = {
        "MOBILAKE_HOME": str(home),
        "MOBILAKE_MEMORY_LIMIT": DUCKDB_MEMORY,
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "mobilake", *words],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    said = [(time.monotonic() - started, line.strip()) for line in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"mobilake {words[0]} ended with status {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - started, usage.ru_maxrss / 2**20, said


def _settings(home: Path) -> Settings:
    return load().model_copy(update={"home": home, "lake": str(home / "lake")})
