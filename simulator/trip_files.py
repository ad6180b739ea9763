"""Trip files as the city's operator publishes them, one per local day, with dirt that is known."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.city import City
from simulator.home import replacing
from simulator.log import Trip
from simulator.moments import days_between, to_datetime
from simulator.riders import TIMEZONE
from simulator.trip_dirt import DIRT, REPEATED, SAME_BIKE, Dirt, Ride
from simulator.trip_families import BY_AGE, T2, Family

PUBLISHED_AFTER = timedelta(hours=12)
CORRECTED_AGE = 1
"""The file of this day is published short of its last rides, and again, whole, a day later."""
MISSING = 0.1


@dataclass(frozen=True, slots=True)
class Planted:
    """A dirty line of a file as it counts in the end, the header being line 1."""

    fault_id: str
    kind: str
    expected_rule: str
    is_quarantined: bool
    file: str
    line: int
    trip_id: str


def write_trip_files(city: City, home: Path, until: datetime) -> list[Path]:
    """Write the files of the local days that are over, in ``trips``, and return the new ones.

    What was planted stands in ``ledger/trip_files-<day>.parquet``.
    """
    first = city.started_on + timedelta(days=1)
    last = (until - PUBLISHED_AFTER).astimezone(ZoneInfo(TIMEZONE)).date() - timedelta(days=1)
    written = []
    for day in days_between(first, last) if first <= last else []:
        name = f"port_aurora-{day}.csv"
        path, corrected = home / "trips" / name, home / "trips" / "corrected" / name
        is_corrected = _age(city, day) == CORRECTED_AGE
        is_due = is_corrected and day < last and not corrected.exists()
        if path.exists() and not is_due:
            continue
        lines, planted = _lines(city, day, name)
        if not path.exists():
            missing = int(len(lines) * MISSING) if is_corrected else 0
            _write(path, lines[: len(lines) - missing])
            _write_ledger(home / "ledger" / f"trip_files-{day}.parquet", planted)
            written.append(path)
        if is_due:
            _write(corrected, lines)
            written.append(corrected)
    return written


def _age(city: City, day: date) -> int:
    return (day - city.started_on).days


def family_of(city: City, day: date) -> Family:
    """Return how a day's file is written."""
    return BY_AGE.get(_age(city, day), T2)


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _lines(city: City, day: date, file: str) -> tuple[list[str], list[Planted]]:
    """Return the lines of a day's file, and what is wrong with which of them."""
    family = family_of(city, day)
    rides = [_ride(city, trip, family) for trip in trips_of(city, day)]
    kinds = {kind: dirt for kind, dirt in DIRT.items() if family.name in dirt.families}
    wrong = dict(zip(_order(city, day, len(rides)), kinds, strict=False))
    lines = [family.delimiter.join(family.names) + family.delimiter * family.surplus]
    planted: list[Planted] = []

    def plant(kind: str, dirt: Dirt, ride: Ride) -> None:
        told = (dirt.rule, dirt.is_quarantined, file, len(lines) + 1, ride.ride_id)
        planted.append(Planted(f"{day}-{kind}", kind, *told))

    for number, ride in enumerate(rides):
        kind = wrong.get(number)
        if kind:
            plant(kind, kinds[kind], ride)
        line = _line(family, kinds[kind].soil(ride) if kind else ride)
        lines.append(line[: line.index(family.delimiter)] if kind == "cut_line" else line)
    clean = [ride for number, ride in enumerate(rides) if number not in wrong]
    if family.name in SAME_BIKE.families:
        longest = max(clean, key=lambda ride: ride.duration_s)
        plant("same_bike", SAME_BIKE, longest)
        lines.append(_line(family, SAME_BIKE.soil(longest)))
    before = day - timedelta(days=1)
    if before > city.started_on and family_of(city, before).name == family.name:
        again = _clean_ride(city, before)
        plant("repeated", REPEATED, again)
        lines.append(_line(family, again))
    return lines, planted


def _order(city: City, day: date, count: int) -> list[int]:
    order: list[int] = (
        np.random.default_rng([city.seed, day.toordinal(), 5]).permutation(count).tolist()
    )
    return order


def _clean_ride(city: City, day: date) -> Ride:
    """Return a ride of a day's file in which nothing is planted: the last in the order of dirt."""
    trips = trips_of(city, day)
    return _ride(city, trips[_order(city, day, len(trips))[-1]], family_of(city, day))


def trips_of(city: City, day: date) -> list[Trip]:
    """Return the rides of a minute or more that began on a local day and have ended, in order."""
    zone = ZoneInfo(TIMEZONE)
    near = days_between(day - timedelta(days=1), day + timedelta(days=1))
    city.day(near[-1])
    return [
        trip
        for one in near
        for trip in city.day(one).trips
        if to_datetime(trip.started_at).astimezone(zone).date() == day
        and trip.ended_at is not None
        and trip.ended_at - trip.started_at >= 60
    ]


def _ride(city: City, trip: Trip, family: Family) -> Ride:
    assert trip.end is not None
    assert trip.ended_at is not None

    def place(index: int) -> tuple[str, str, float, float]:
        station = city.stations[index]
        name = station.station_id if family.has_gbfs_ids else station.short_name
        return name, station.name, station.lat, station.lon

    return Ride(
        ride_id=trip.trip_id,
        bike_id=city.bike_id(trip.bike),
        kind=city.vehicle_type_id(trip.bike),
        rider="casual" if trip.bike % 4 == 0 else "member",
        started_at=_local(trip.started_at),
        ended_at=_local(trip.ended_at),
        duration_s=trip.ended_at - trip.started_at,
        start=place(trip.start),
        end=place(trip.end),
    )


def _local(at: int) -> datetime:
    return to_datetime(at).astimezone(ZoneInfo(TIMEZONE)).replace(tzinfo=None)


def _line(family: Family, ride: Ride) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=family.delimiter, lineterminator="").writerow(family.cells(ride))
    return text.getvalue() + family.delimiter * family.surplus


def _write_ledger(path: Path, planted: list[Planted]) -> None:
    names = Planted.__slots__
    rows = [{name: getattr(one, name) for name in names} for one in planted]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows), temporary)
