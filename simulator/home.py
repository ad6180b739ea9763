"""The folder a simulated city lives in, and the parameters that make it the same city later."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from simulator.city import City, default_scooters
from simulator.faults import Fault, default_faults
from simulator.moments import day_of, iso, midnight, to_seconds

DEFAULT_SEED, DEFAULT_STATIONS = 7, 120


class HomeError(Exception):
    """The folder holds another city than the one asked for."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is kept in ``city.json``; the faults are planned once, for the period given."""

    seed: int
    started_on: str
    stations: int
    has_faults: bool
    faults_since: str
    faults_until: str
    scooters: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """A city in its home, with the faults of its feeds."""

    home: Path
    city: City
    faults: tuple[Fault, ...]


def open_world(
    home: Path,
    *,
    since: datetime,
    until: datetime,
    seed: int | None = None,
    stations: int | None = None,
    has_faults: bool | None = None,
    scooters: int | None = None,
) -> World:
    """Open the city in ``home``, or found it there.

    A city founded now starts on the UTC day of ``since``, and its faults (if any) are planned
    from the start of that day to ``until``. A city that exists goes on as it was: both times are
    ignored, and other parameters may be left out.

    Raises:
        HomeError: the folder holds a city with another seed, size or choice about faults.
    """
    path = home / "city.json"
    asked = {"seed": seed, "stations": stations, "has_faults": has_faults, "scooters": scooters}
    if path.exists():
        kept = Parameters(**json.loads(path.read_text(encoding="utf-8")))
        for name, value in asked.items():
            if value is not None and value != getattr(kept, name):
                raise HomeError(
                    f"{path} holds a city with {name} {getattr(kept, name)}, not {value}: "
                    f"leave {name} out to go on with it, or choose an empty home"
                )
    else:
        started_on = day_of(to_seconds(since))
        stations = DEFAULT_STATIONS if stations is None else stations
        kept = Parameters(
            seed=DEFAULT_SEED if seed is None else seed,
            started_on=started_on.isoformat(),
            stations=stations,
            scooters=default_scooters(stations) if scooters is None else scooters,
            has_faults=has_faults is not False,
            faults_since=iso(midnight(started_on)),
            faults_until=iso(to_seconds(until)),
        )
        write_json(path, asdict(kept))
    since, until = (
        datetime.fromisoformat(moment) for moment in (kept.faults_since, kept.faults_until)
    )
    has_scooters = kept.scooters > 0
    faults = default_faults(kept.seed, since, until, has_scooters=has_scooters)
    return World(
        home=home,
        city=City(kept.seed, date.fromisoformat(kept.started_on), kept.stations, kept.scooters),
        faults=faults if kept.has_faults else (),
    )


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file so that a reader sees either the old one or the new one whole."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
