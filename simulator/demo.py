"""The demonstration behind `make run`: the simulated city, and the product's own commands on it.

The product is run as any user runs it; only the address of the feeds is the simulator's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from simulator.city import SYSTEM_ID
from simulator.clock import SimulatedClock
from simulator.history import record
from simulator.home import open_world
from simulator.moments import midnight, to_datetime
from simulator.server import serving
from simulator.trip_files import write_trip_files

LAG = timedelta(minutes=3)
SPEED = 20.0
POLLS = 3


def main(
    days: Annotated[int, typer.Option(min=2, help="Days of history of a new city.")] = 7,
) -> None:
    """Simulate a city, import its history, poll it, and publish its marts."""
    started = time.monotonic()
    home = Path(os.environ.get("MOBILAKE_HOME") or "data").resolve()
    until = datetime.now(UTC).replace(second=0, microsecond=0) - LAG
    world = open_world(home / "simulator", since=until - timedelta(days=days), until=until)
    city = world.city
    _say(
        f"# {SYSTEM_ID}, a simulated city: {len(city.stations)} stations, {city.fleet} bikes, "
        f"{city.scooters} scooters"
    )
    begin = to_datetime(midnight(city.started_on))
    files = record(city, world.home, begin, until, faults=world.faults, progress=_progress)
    trips = write_trip_files(city, world.home, until)
    # The simulated clock starts where the recording ends and catches up with the real one.
    clock = SimulatedClock(until, SPEED, lambda: datetime.now(UTC))
    with serving(city, clock, faults=world.faults) as url:
        _mobilake("systems", "add", f"{url}/gbfs.json")
        if files:
            _mobilake("import", "gbfs", "--system", SYSTEM_ID, *map(str, sorted(files)))
        if trips:
            _mobilake("import", "trips", "--system", SYSTEM_ID, *map(str, trips))
        for _ in range(POLLS - 1):
            _mobilake("ingest", "gbfs")
        _mobilake("run")
    _say(f"# {time.monotonic() - started:.0f} s. Run it again, and it takes in what is new.")


def _mobilake(*words: str) -> None:
    """Run a command of the product, as its users do; leave with its exit code if it fails."""
    shown = " ".join(Path(word).name if word.startswith("/") else word for word in words[:7])
    _say(f"\n$ mobilake {shown}{f' … and {len(words) - 7} more' if len(words) > 7 else ''}")
    allowed = {"MOBILAKE_HTTP__PRIVATE_HOSTS": json.dumps(["127.0.0.1"])}
    command = [str(Path(sys.executable).with_name("mobilake")), *words]
    finished = subprocess.run(command, env=os.environ | allowed, check=False)
    if finished.returncode:
        sys.exit(finished.returncode)


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty() or done in (0, total):
        typer.echo(f"\rrecorded {done} of {total} days", nl=done == total, err=True)


def _say(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
