"""`make bench`: measures beside a baseline of the same run, each with its limit.

`python -m bench` with some of the names import, trips, silver, history, year, poller, stream and
live measures these.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mobilake.console import say, table

ROUNDS = int(os.environ.get("ROUNDS", "3"))
DAYS = tuple(int(days) for days in os.environ.get("HISTORY_DAYS", "30,730").split(","))
YEAR_DAYS = int(os.environ.get("YEAR_DAYS", "30"))
STREAM_S = float(os.environ.get("STREAM_S", "20"))
TRIPS = int(os.environ.get("TRIPS", "1_000_000"))
ROOT = Path(__file__).parents[1]
IMPORT = ["import", "gbfs", "--system", "bench", "--timezone", "UTC", "--feed", "station_status"]
PASSES = "within its limit"
FAILS = "ABOVE ITS LIMIT"


def main(chosen: list[str]) -> None:
    """Measure, print the tables, and fail where something is above its limit."""
    measures: dict[str, Callable[[Path], bool]] = {
        "import": imports,
        "trips": trips,
        "silver": silver,
        "history": history,
        "year": year,
        "poller": poller,
        "stream": stream,
        "live": live,
    }
    unknown = [name for name in chosen if name not in measures]
    if unknown:
        sys.exit(f"No measure is called {unknown[0]!r}: there are {', '.join(measures)}.")
    held = []
    for name in chosen or measures:
        with tempfile.TemporaryDirectory() as folder:
            held.append(measures[name](Path(folder)))
    sys.exit(not all(held))


def imports(folder: Path) -> bool:
    """Import a recording, against a bare script that writes the same bodies."""
    recording = _recording(folder)
    say(f"import of {recording.name}, {ROUNDS} rounds, whole processes")
    bare, ours = [], []
    for number in range(ROUNDS):
        place = folder / str(number)
        bare.append(_seconds(["-m", "bench.bare_import", str(recording), str(place / "bare")]))
        ours.append(
            _seconds(["-m", "mobilake", *IMPORT, str(recording)], MOBILAKE_HOME=str(place / "home"))
        )
        shutil.rmtree(place)
    return _ratio({"bare script": bare, "mobilake import": ours}, 2.0)


def trips(folder: Path) -> bool:
    """Import a trip file of each kind, with bike ids and without, against `read_csv`."""
    from bench import trips as measure

    held = []
    for family in measure.HEADERS:
        file = folder / f"{family}.csv"
        measure.write(file, family, TRIPS)
        say(f"import of {TRIPS:,} trips of family {family}, {ROUNDS} rounds")
        bare, ours = [], []
        for _ in range(ROUNDS):
            bare.append(measure.bare(file, folder / "bare.duckdb"))
            ours.append(measure.ours(file, folder / "home", ROOT))
        file.unlink()
        held.append(_ratio({"read_csv": bare, "import": ours}, 2.0))
    return all(held)


def silver(folder: Path) -> bool:
    """Bronze and silver of a recording, against bare SQL."""
    from bench import silver as measure

    recording = _recording(folder)
    home = folder / "home"
    _seconds(["-m", "mobilake", *IMPORT, str(recording)], MOBILAKE_HOME=str(home))
    say(f"parsing and silver of {recording.name}, {ROUNDS} rounds, all built anew")
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(measure.bare(home, folder / "bare.duckdb"))
        models = measure.ours(home)
        ours.append(sum(models.values()))
        say("  " + ", ".join(f"{name} {value:.1f} s" for name, value in models.items()))
    return _ratio({"bare SQL": bare, "our models": ours}, 1.5)


def history(folder: Path) -> bool:
    """Build after one new poll, on a short and on a long history."""
    from bench import history as measure

    costs = [measure.measure(folder / str(days), days) for days in DAYS]
    say(f"a build after one new poll of {measure.STATIONS} stations")
    table(
        ("days", "observations", "models, s", "data tests, s", "gate and publication, s"),
        [
            (
                str(days), f"{cost.observations:,}", f"{cost.models_s:.1f}",
                f"{cost.tests_s:.1f}", f"{cost.gate_s:.1f}",
            )
            for days, cost in zip(DAYS, costs, strict=True)
        ],
    )  # fmt: skip
    ratio = costs[-1].models_s / costs[0].models_s
    return _verdict(f"models {ratio:.2f} times as dear", ratio <= 1.2) & _verdict(
        f"gate and publication {costs[-1].gate_s:.1f} s", costs[-1].gate_s < 10
    )


def year(folder: Path) -> bool:
    """Build a long history of polls a minute from raw in bounded memory, and a day on top."""
    from bench import year as measure

    cost = measure.measure(folder, YEAR_DAYS)
    many, first, daily = cost.observations, cost.first, cost.daily
    say(f"{YEAR_DAYS} days of {measure.STATIONS} stations: {many:,} observations")
    steps = {"import": cost.import_s} | first.layers | {"bare parsing and intervals": cost.bare_s}
    table(
        ("from raw", "seconds", "observations a second"),
        [(name, f"{spent:.1f}", f"{many / spent:,.0f}") for name, spent in steps.items()],
    )
    say(
        f"whole build {first.seconds:.0f} s in {first.rounds} rounds, models running for "
        f"{first.models_s:.0f} s of it; a day on top: "
        f"import {cost.daily_import_s:.0f} s, build {daily.seconds:.0f} s"
    )
    ratio = first.same_s / cost.bare_s
    memory_gb, run_s = max(first.memory_gb, daily.memory_gb), cost.daily_import_s + daily.seconds
    held = [
        _verdict(f"memory {memory_gb:.1f} GB, limit {measure.MEMORY_GB:.0f}",
                 memory_gb <= measure.MEMORY_GB),
        _verdict(f"parsing and intervals {ratio:.1f} times bare SQL, limit 2", ratio <= 2),
        _verdict(f"models of a day {daily.models_s:.0f} s, limit 60", daily.models_s < 60),
        _verdict(f"whole run of a day {run_s:.0f} s, limit 180", run_s < 180),
    ]  # fmt: skip
    return all(held)


def poller(folder: Path) -> bool:
    """Poll fifty systems a minute: the share of a core."""
    from bench import poller as measure

    share = measure.measure()
    return _verdict(f"polling 50 systems a minute takes {share:.2f} of a core", share < 0.5)


def live(folder: Path) -> bool:
    """Events over HTTP: from sending to a live mart."""
    from bench import live as measure
    from bench.stream import PACE

    cost = measure.measure(folder, STREAM_S)
    shown = cost.latencies_s
    p50_s, p95_s = statistics.median(shown), shown[int(len(shown) * 0.95)]
    say(
        f"{PACE:,} events a second for {STREAM_S:.0f} s: {p50_s * 1000:.0f} ms to a live "
        f"mart in the median; {cost.memory_gb:.2f} GB held"
    )
    table(
        ("asked with all events there", "ms"),
        [(mart, f"{spent * 1000:.0f}") for mart, spent in cost.queries_s.items()],
    )
    return _verdict(f"95 % within {p95_s:.2f} s, limit 1.00", p95_s < 1)


def stream(folder: Path) -> bool:
    """Events over HTTP: from sending to the lake, and how many a second."""
    from bench import stream as measure

    cost = measure.measure(folder, STREAM_S)
    say(f"{measure.PACE:,} events a second: {cost.p50_s * 1000:.0f} ms to the lake in the median")
    say(
        f"{cost.taken:,.0f} events a second at most, {cost.taken / cost.bare:.2f} of what lands "
        f"without HTTP; {cost.memory_gb:.2f} GB held"
    )
    held = [
        _verdict(f"95 % within {cost.p95_s:.2f} s, limit 0.50", cost.p95_s < 0.5),
        _verdict(f"{cost.taken:,.0f} a second, at least 5,000", cost.taken >= 5000),
    ]
    return all(held)


def _ratio(measured: dict[str, list[float]], limit: float) -> bool:
    rows = [
        (name, *(f"{value:.1f}" for value in (min(times), statistics.median(times), max(times))))
        for name, times in measured.items()
    ]
    table(("seconds", "least", "median", "most"), rows)
    bare, ours = (statistics.median(times) for times in measured.values())
    return _verdict(f"ratio {ours / bare:.2f}, limit {limit:.2f}", ours / bare <= limit)


def _verdict(what: str, holds: bool) -> bool:
    say(f"{what}: {PASSES if holds else FAILS}")
    return holds


def _recording(folder: Path) -> Path:
    """Return Oslo's recording where it is at hand, else a week of the simulated city."""
    real = Path(os.environ.get("MOBILAKE_REAL_DATA", ROOT.parent / "shared" / "data"))
    oslo = real / "oslo" / "station_status.jsonl.zst"
    if oslo.is_file():
        return oslo
    from simulator.history import record
    from simulator.home import open_world

    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = until - timedelta(days=7)
    world = open_world(folder, since=since, until=until, has_faults=False)
    days = [
        file
        for file in record(world.city, folder, since, until)
        if file.name.startswith("station_status")
    ]
    whole = folder / "week.jsonl.zst"
    whole.write_bytes(b"".join(day.read_bytes() for day in days))
    return whole


def _seconds(arguments: list[str], **environment: str) -> float:
    started = time.monotonic()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - started


if __name__ == "__main__":
    main(sys.argv[1:])
