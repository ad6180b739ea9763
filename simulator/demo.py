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

from simulator.catalogue import write_history
from simulator.city import SYSTEM_ID
from simulator.clock import SimulatedClock
from simulator.events import write_events
from simulator.history import record
from simulator.home import open_world
from simulator.moments import midnight, to_datetime, to_seconds
from simulator.operations_database import operations_file, operations_url, write_operations
from simulator.server import serving
from simulator.trip_files import write_trip_files
from simulator.zones import write_zones

LAG = timedelta(minutes=3)
SPEED = 20.0
POLLS = 3
WORK_SINCE = timedelta(hours=6)
"""The operator's database is first read as it was so long ago, then as it is."""


def main(
    days: Annotated[int, typer.Option(min=2, help="Days of history of a new city.")] = 7,
) -> None:
    """Simulate a city, import its history, poll it, and publish its marts."""
    started = time.monotonic()
    home = _home()
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
    zones = write_zones(city, world.home)
    events = write_events(city, world.home, until)
    # The simulated clock starts where the recording ends and catches up with the real one.
    clock = SimulatedClock(until, SPEED, lambda: datetime.now(UTC))
    with serving(city, clock, faults=world.faults) as url:
        services = {
            "MOBILAKE_SOURCE__WEATHER__URL": f"{url}/v1/forecast",
            "MOBILAKE_SOURCE__CATALOGUE__URL": f"{url}/systems.csv",
        }
        _mobilake("systems", "add", f"{url}/gbfs.json")
        if files:
            _mobilake("import", "gbfs", "--system", SYSTEM_ID, *map(str, sorted(files)))
        _mobilake("import", "catalogue", str(write_history(city, world.home, to_seconds(until))))
        if trips:
            _mobilake("import", "trips", "--system", SYSTEM_ID, *map(str, trips))
        if not operations_file(world.home).exists():
            write_operations(city, world.home, until - WORK_SINCE)
            _mobilake("ingest", "ops")
        write_operations(city, world.home, until)
        if events:
            _mobilake("import", "events", "--system", SYSTEM_ID, *map(str, events))
        _mobilake("import", "zones", "--system", SYSTEM_ID, str(zones))
        for _ in range(POLLS - 1):
            _mobilake("ingest", "gbfs")
        _mobilake("run", **services)
    _say(f"# {time.monotonic() - started:.0f} s. Run it again, and it takes in what is new.")


def _home() -> Path:
    return Path(os.environ.get("MOBILAKE_HOME") or "data").resolve()


def _mobilake(*words: str, **settings: str) -> None:
    """Run a command of the product, as its users do; leave with its exit code if it fails.

    Args:
        settings: variables of the environment that stand for lines of `mobilake.toml`.
    """
    shown = " ".join(Path(word).name if word.startswith("/") else word for word in words[:7])
    _say(f"\n$ mobilake {shown}{f' … and {len(words) - 7} more' if len(words) > 7 else ''}")
    allowed = {"MOBILAKE_HTTP__PRIVATE_HOSTS": json.dumps(["127.0.0.1"])}
    database = f"MOBILAKE_SOURCE__OPS__DATABASES__{SYSTEM_ID.upper()}__URL"
    ours = allowed | {database: operations_url(_home() / "simulator")}
    command = [str(Path(sys.executable).with_name("mobilake")), *words]
    finished = subprocess.run(command, env=os.environ | ours | settings, check=False)
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
