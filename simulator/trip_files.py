"""Trip files as the city's operator publishes them, one per local day, with dirt that is known."""

import csv
import io
from collections.abc import Callable
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

FIRST_FAMILY_DAYS = 3
"""After so many days the operator changes, and with it the family of the files."""
PUBLISHED_AFTER = timedelta(hours=12)
DEPOT = "Aurora Depot"
T1 = (
    "tripduration,starttime,stoptime,start station id,start station name,start station latitude,"
    "start station longitude,end station id,end station name,end station latitude,"
    "end station longitude,bikeid,usertype,birth year,gender"
)
T2 = (
    "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,"
    "end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
)
DIRT = {
    "cut_time": "R31",
    "backwards": "R30",
    "over_a_day": "R30",
    "depot": "R33",
    "lost_point": "R34",
    "cut_line": "",
}
"""What is planted once in each file, and the rule that tells it; a cut line cannot be read."""

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Planted:
    """A dirty line of a file, the header being line 1."""

    fault_id: str
    kind: str
    expected_rule: str
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
        path = home / "trips" / f"port_aurora-{day}.csv"
        if not path.exists():
            planted = _write(city, path, day)
            _write_ledger(home / "ledger" / f"trip_files-{day}.parquet", planted)
            written.append(path)
    return written


def _write(city: City, path: Path, day: date) -> list[Planted]:
    is_old = (day - city.started_on).days <= FIRST_FAMILY_DAYS
    header, row_of = (T1, _t1) if is_old else (T2, _t2)
    trips = [trip for trip in _trips(city, day) if trip.ended_at is not None]
    rng = np.random.default_rng([city.seed, day.toordinal(), 5])
    wrong = dict(zip(rng.permutation(len(trips)).tolist(), DIRT, strict=False))
    lines = [header]
    planted = []
    for number, trip in enumerate(trips):
        row = row_of(city, trip)
        kind = wrong.get(number)
        if kind:
            _soil(row, kind, header)
            fault_id = f"{day}-{kind}"
            planted.append(Planted(fault_id, kind, DIRT[kind], path.name, number + 2, trip.trip_id))
        line = _line([row[name] for name in header.split(",")])
        lines.append(line[: line.index(",")] if kind == "cut_line" else line)
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return planted


def _trips(city: City, day: date) -> list[Trip]:
    """Return the rides of more than a minute that began on a local day, in order."""
    zone = ZoneInfo(TIMEZONE)
    near = days_between(day - timedelta(days=1), day + timedelta(days=1))
    city.day(near[-1])
    return [
        trip
        for one in near
        for trip in city.day(one).trips
        if to_datetime(trip.started_at).astimezone(zone).date() == day
        and (trip.ended_at is None or trip.ended_at - trip.started_at >= 60)
    ]


def _t1(city: City, trip: Trip) -> Row:
    assert trip.end is not None
    assert trip.ended_at is not None
    row = {
        "tripduration": str(trip.ended_at - trip.started_at),
        "starttime": _local(trip.started_at),
        "stoptime": _local(trip.ended_at),
        "bikeid": city.bike_id(trip.bike),
        "usertype": "Customer" if trip.bike % 4 == 0 else "Subscriber",
        "birth year": str(1950 + trip.bike % 50),
        "gender": str(trip.bike % 3),
    }
    for side, index in (("start", trip.start), ("end", trip.end)):
        station = city.stations[index]
        row[f"{side} station id"] = station.short_name
        row[f"{side} station name"] = station.name
        row[f"{side} station latitude"] = str(station.lat)
        row[f"{side} station longitude"] = str(station.lon)
    return row


def _t2(city: City, trip: Trip) -> Row:
    assert trip.end is not None
    assert trip.ended_at is not None
    row = {
        "ride_id": trip.trip_id,
        "rideable_type": f"{city.vehicle_type_id(trip.bike)}_bike",
        "started_at": _local(trip.started_at),
        "ended_at": _local(trip.ended_at),
        "member_casual": "casual" if trip.bike % 4 == 0 else "member",
    }
    for side, index in (("start", trip.start), ("end", trip.end)):
        station = city.stations[index]
        row[f"{side}_station_id"] = station.short_name
        row[f"{side}_station_name"] = station.name
        row[f"{side}_lat"] = str(station.lat)
        row[f"{side}_lng"] = str(station.lon)
    return row


def _soil(row: Row, kind: str, header: str) -> None:
    """Change a row as the dirt of a kind does."""
    start, end, name, lat = (
        ("starttime", "stoptime", "end station name", "start station latitude")
        if header is T1
        else ("started_at", "ended_at", "end_station_name", "start_lat")
    )
    changes: dict[str, Callable[[], None]] = {
        "cut_time": lambda: row.update({start: f"{row[start][14:]}.0"}),
        "backwards": lambda: row.update({start: row[end], end: row[start]}),
        "over_a_day": lambda: row.update({end: _later(row[end])}),
        "depot": lambda: row.update({name: DEPOT}),
        "lost_point": lambda: row.update({lat: str(round(float(row[lat]) * 10, 6))}),
        "cut_line": lambda: None,
    }
    changes[kind]()


def _later(text: str) -> str:
    return str(datetime.fromisoformat(text) + timedelta(days=2))


def _local(at: int) -> str:
    moment = to_datetime(at).astimezone(ZoneInfo(TIMEZONE))
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _write_ledger(path: Path, planted: list[Planted]) -> None:
    names = Planted.__slots__
    rows = [{name: getattr(one, name) for name in names} for one in planted]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows), temporary)
