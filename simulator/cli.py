"""The command line of the simulator: record history, serve the present."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from simulator.clock import SimulatedClock
from simulator.gbfs import DIALECTS, VERSION
from simulator.history import record as record_history
from simulator.home import HomeError, World, open_world
from simulator.moments import midnight, to_datetime
from simulator.server import announce, bind, make_app, make_server, url_of

app = typer.Typer(
    help="A simulated bike-share city with a truth ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Home = Annotated[Path, typer.Option(help="Folder that the city lives in.")]
Stations = Annotated[int | None, typer.Option(help="Size of a new city; by default 120.", min=2)]
Seed = Annotated[int | None, typer.Option(help="Seed of a new city; by default 7.", min=0)]
Scooters = Annotated[
    int | None, typer.Option(help="Scooters of a new city; by default one for 3 stations.", min=0)
]
Faults = Annotated[
    bool | None,
    typer.Option("--faults/--no-faults", help="Whether a new city's feeds go wrong at times."),
]


@app.command()
def record(
    home: Home,
    days: Annotated[int, typer.Option(help="Days of history of a new city.", min=1)] = 30,
    stations: Stations = None,
    seed: Seed = None,
    until: Annotated[
        str | None, typer.Option(help="End of the recording, ISO 8601; by default now.")
    ] = None,
    interval: Annotated[int, typer.Option(help="Seconds between polls.", min=1)] = 60,
    faults: Faults = None,
    scooters: Scooters = None,
    version: Annotated[str, typer.Option(help="Version of GBFS: 1.1, 2.3 or 3.0.")] = VERSION,
) -> None:
    """Record history; a later call goes on where the last one ended.

    Prints the history files that are new or have grown, one a line.
    """
    end = _moment(until)
    since = end - timedelta(days=days)
    if version not in DIALECTS:
        raise typer.BadParameter(f"version {version} is none of {', '.join(DIALECTS)}")
    world = _open(home, since, end, stations, seed, scooters, has_faults=faults)
    started_at = to_datetime(midnight(world.city.started_on))
    if end <= started_at:
        raise typer.BadParameter(f"the city starts at {started_at:%Y-%m-%dT%H:%MZ}, after that")
    written = record_history(
        world.city,
        home,
        started_at,
        end,
        interval,
        faults=world.faults,
        progress=_show_progress,
        version=version,
    )
    for path in written:
        typer.echo(path)


@app.command()
def serve(
    home: Home,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    starts_at: Annotated[
        str | None, typer.Option(help="Simulated moment to start at, ISO 8601; by default now.")
    ] = None,
    speed: Annotated[float, typer.Option(help="Simulated seconds per real second.", min=0)] = 1.0,
    token_env: Annotated[
        str | None, typer.Option(help="Environment variable with the token clients must send.")
    ] = None,
    stations: Stations = None,
    seed: Seed = None,
    faults: Faults = None,
    scooters: Scooters = None,
) -> None:
    """Serve the city until interrupted; the address is written to server.json.

    It speaks GBFS 2.3 at /gbfs.json, and 1.1, 2.3 and 3.0 at /1.1/gbfs.json and so on.

    Simulated time never passes the real present, unless it starts after it.
    """
    start = _moment(starts_at)
    month = start + timedelta(days=30)
    world = _open(home, start, month, stations, seed, scooters, has_faults=faults)
    started_at = to_datetime(midnight(world.city.started_on))
    if start < started_at:
        raise typer.BadParameter(f"the city starts at {started_at:%Y-%m-%dT%H:%MZ}, after that")
    token = os.environ.get(token_env) if token_env else None
    if token_env and not token:
        raise typer.BadParameter(f"the environment variable {token_env} is not set")
    cap = _now if start <= _now() else None
    gbfs = make_app(world.city, SimulatedClock(start, speed, cap), faults=world.faults, token=token)
    bound = bind(port)
    bound.listen()
    announce(home, url_of(bound))
    typer.echo(f"{url_of(bound)}/gbfs.json")
    make_server(gbfs).run(sockets=[bound])


def _show_progress(done: int, total: int) -> None:
    """Keep a line up to date on a terminal; say nothing to a log."""
    if sys.stderr.isatty():
        typer.echo(f"\rrecorded {done} of {total} days", nl=done == total, err=True)


def _open(
    home: Path,
    since: datetime,
    until: datetime,
    stations: int | None,
    seed: int | None,
    scooters: int | None,
    *,
    has_faults: bool | None,
) -> World:
    try:
        return open_world(
            home,
            since=since,
            until=until,
            stations=stations,
            seed=seed,
            scooters=scooters,
            has_faults=has_faults,
        )
    except HomeError as error:
        raise typer.BadParameter(str(error)) from error


def _now() -> datetime:
    return datetime.now(UTC)


def _moment(text: str | None) -> datetime:
    """Return a moment given on the command line; without a zone it is UTC, without all, now."""
    if text is None:
        return _now().replace(second=0, microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not an ISO 8601 time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
