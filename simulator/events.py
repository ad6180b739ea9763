"""What the city's devices send, as a recorder kept it: a file per UTC day of receipt, with dirt.

Some stations' docks tell when they lock and unlock, all stations that they are alive, scooters how
full their battery is, who takes them and where they were left, all vehicles when they are out of
order. What goes wrong about the devices themselves stands in `device_faults`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from simulator.area import Spot
from simulator.city import City
from simulator.device_faults import (
    DRAIN_AN_HOUR,
    TELLING,
    DeviceFault,
    Struck,
    device_faults,
    dock_of,
    returns,
    track,
    write_device_faults,
)
from simulator.geography import latitude, longitude
from simulator.home import replacing
from simulator.log import DayLog
from simulator.moments import DAY_S, days_between, iso, midnight, to_datetime, to_seconds
from simulator.states import ScooterStates

HEARTBEAT_S, BATTERY_S = 3_600, 3_600
FIRMWARE = "4.2.1"
DELAY_S = (1, 6)
EACH = 3
"""So many events of a day are soiled in each way."""
LATE_S, DELAYED_S, AGAIN_S = (3_600, 6 * 3_600), (60, 240), (30, 600)
AHEAD_S = 900
LATENESS_S = 300
"""An event that is received later than this is late."""
AGAIN_DOCKED_S = 20

Document = dict[str, Any]

KEPT, LATE, AHEAD, ONCE, QUARANTINED = "kept", "late", "clock_ahead", "once", "quarantined"
DIRT = {
    "late": LATE,
    "out_of_order": KEPT,
    "twice": ONCE,
    "clock_ahead": AHEAD,
    "clock_reset": QUARANTINED,
    "cut_line": QUARANTINED,
    "missing_key": QUARANTINED,
    "wrong_type": QUARANTINED,
    "unknown_type": KEPT,
}
"""Ways to soil an event, and what should come of it."""
OFFLINE = "offline"
"""What is wrong about an event that waited until its gateway was reached again: it is late."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as it is received; ``kind`` tells what is wrong about it, if anything is."""

    received_at: int
    number: int
    event_id: str
    device_id: str
    occurred_at: int
    line: bytes
    kind: str | None = None


def write_events(city: City, home: Path, until: datetime) -> list[Path]:
    """Write the files of the UTC days that are over, in ``events``, and return the new ones.

    A file has what was received on its day, in the order of receipt. What is wrong about it stands
    in ``ledger/events-<day>.parquet``, what is wrong about devices in
    ``ledger/device_faults-<day>.parquet``.
    """
    last = (until - timedelta(days=1)).date()
    days = days_between(city.started_on, last) if city.started_on <= last else []
    written: list[Path] = []
    carried: list[Delivery] | None = None
    for day in days:
        path = home / "events" / f"events-{day}.jsonl.zst"
        if path.exists():
            carried = None
            continue
        before = day - timedelta(days=1)
        if carried is None:
            carried = deliveries(city, before) if before >= city.started_on else []
        sent = carried + deliveries(city, day)
        _write(home, path, day, sent)
        write_device_faults(city, home, day)
        written.append(path)
        carried = [one for one in sent if one.received_at >= midnight(day) + DAY_S]
    return written


def deliveries(city: City, day: date) -> list[Delivery]:
    """Return how the events of a day are received, on that day and the one after."""
    struck = device_faults(city, day)
    told = sorted(_events(city, day, struck), key=lambda event: (event[0], orjson.dumps(event[1])))
    offline = next(one for one in struck if one.kind is DeviceFault.LATE_EVENTS)
    rng = np.random.default_rng([city.seed, day.toordinal(), 8])
    # heartbeats stay as they are: some lost in a row would be a silence that nobody planted
    open_to = [n for n, (_, event) in enumerate(told) if event["event_type"] != "heartbeat"]
    places = rng.permutation(open_to)[: EACH * len(DIRT)].tolist()
    soiled = dict(zip(places, list(DIRT) * EACH, strict=False))
    delays = rng.integers(*DELAY_S, size=len(told)).tolist()
    found = []
    for number, ((at, event), delay) in enumerate(zip(told, delays, strict=True)):
        event_id, kind = f"{day:%Y%m%d}-{number:06d}", soiled.get(number)
        document = {"event_id": event_id, **event, "occurred_at": iso(at)}
        received_at = at + delay
        if kind is None and event["device_kind"] == "dock" and offline.holds_at(at):
            received_at = offline.ends_at + delay
            kind = OFFLINE if received_at - at > LATENESS_S else None
        if kind == "late":
            received_at += int(rng.integers(*LATE_S))
        elif kind == "out_of_order":
            received_at += int(rng.integers(*DELAYED_S))
        line = _line(document, received_at, kind)
        named = (number, event_id, event["device_id"], at)
        found.append(Delivery(received_at, *named, line, kind))
        if kind == "twice":
            again = received_at + int(rng.integers(*AGAIN_S))
            line = _line(document, again, kind)
            found.append(Delivery(again, *named, line, kind))
    return found


def _line(document: Document, received_at: int, kind: str | None) -> bytes:
    sent = document | {"received_at": iso(received_at)}
    if kind == "clock_ahead":
        ahead = datetime.fromisoformat(sent["occurred_at"]) + timedelta(seconds=AHEAD_S)
        sent["occurred_at"] = iso(to_seconds(ahead))
    elif kind == "clock_reset":
        sent["occurred_at"] = iso(0)
    elif kind == "missing_key":
        del sent["device_id"]
    elif kind == "wrong_type":
        sent["occurred_at"] = to_seconds(datetime.fromisoformat(sent["occurred_at"]))
    elif kind == "unknown_type":
        sent |= {"event_type": "shock", "shock_g": 3.5}
    line = orjson.dumps(sent)
    return line[: len(line) * 2 // 3] if kind == "cut_line" else line


def _events(city: City, day: date, struck: tuple[Struck, ...]) -> Iterator[tuple[int, Document]]:
    """Yield what happens on a day, with the second: rides begin on one day and end on another."""
    begin = midnight(day)
    before = day - timedelta(days=1)
    logs = [city.day(one) for one in (before, day) if one >= city.started_on]
    for log in logs:
        for at, event in _of_log(city, log, struck):
            if begin <= at < begin + DAY_S:
                yield at, event
    yield from _pushed(city, struck)
    for station, place in enumerate(city.stations):
        first = begin + int(city.heartbeat_phase[station])
        silent = _wrong(struck, DeviceFault.HEARTBEAT_LOST, station)
        for at in range(first, begin + DAY_S, HEARTBEAT_S):
            if silent and silent.holds_at(at):
                continue
            sender = {"device_kind": "station", "device_id": place.station_id}
            yield at, sender | {"event_type": "heartbeat", "firmware": FIRMWARE}
    if city.scooters:
        states = ScooterStates(city)
        for at in range(begin, begin + DAY_S, BATTERY_S):
            states.move_to(at)
            for scooter, state in enumerate(states.states):
                if not state.is_ridden:
                    drained = _wrong(struck, DeviceFault.BATTERY_DROP, scooter)
                    hours = (at - drained.starts_at) / 3_600 if drained else 0
                    lost = DRAIN_AN_HOUR * hours if drained and drained.holds_at(at) else 0
                    percent = round(100 * (state.charge - lost), 1)
                    sender = _vehicle(city.scooter_id(scooter))
                    yield at, sender | {"event_type": "battery", "battery_percent": percent}


def _of_log(city: City, log: DayLog, struck: tuple[Struck, ...]) -> Iterator[tuple[int, Document]]:
    broken_dock = next((one for one in struck if one.kind is DeviceFault.DOCK_NOT_LOCKING), None)
    for at, station, bike, event_type in _of_docks(log):
        if station % TELLING == 0:
            yield from _at_dock(city, at, station, bike, event_type, broken_dock)
    for broken in log.disablements:
        at_station = {"station_id": city.stations[broken.station].short_name}
        fault = {"event_type": "fault", "fault": "defect"}
        yield broken.disabled_at, _vehicle(city.bike_id(broken.bike)) | at_station | fault
    for outage in log.scooters.outages:
        fault = {"event_type": "fault", "fault": outage.cause}
        yield outage.disabled_at, _vehicle(city.scooter_id(outage.scooter)) | fault
    for ride in log.scooters.trips:
        yield ride.started_at, _vehicle(city.scooter_id(ride.scooter)) | {"event_type": "unlocked"}
        yield ride.ended_at, _position(city, ride.scooter, ride.end.spot)
    for one in log.scooters.collections:
        yield one.collected_at, _vehicle(city.scooter_id(one.scooter)) | {"event_type": "collected"}
        yield one.deployed_at, _position(city, one.scooter, one.end.spot)


def _pushed(city: City, struck: tuple[Struck, ...]) -> Iterator[tuple[int, Document]]:
    """Yield where a scooter tells that it is while somebody takes it away without renting it."""
    for one in struck:
        if one.kind is DeviceFault.UNRENTED_MOVE:
            states = ScooterStates(city)
            states.move_to(one.starts_at)
            for at, spot in track(one, states.states[one.place].place):
                yield at, _position(city, one.place, spot)


def _wrong(struck: tuple[Struck, ...], kind: DeviceFault, place: int) -> Struck | None:
    return next((one for one in struck if one.kind is kind and one.place == place), None)


def _of_docks(log: DayLog) -> Iterator[tuple[int, int, int, str]]:
    for trip in log.trips:
        yield trip.started_at, trip.start, trip.bike, "dock_unlocked"
    for move in log.moves:
        for bike in move.bikes:
            yield move.picked_up_at, move.start, bike, "dock_unlocked"
    for at, station, bike in returns(log):
        yield at, station, bike, "dock_locked"


def _at_dock(
    city: City, at: int, station: int, bike: int, event_type: str, broken: Struck | None
) -> Iterator[tuple[int, Document]]:
    """Yield what a dock tells; a bike that a broken one does not take goes into the next one."""
    dock = dock_of(city, station, bike)
    if broken and (station, dock) == (broken.place, broken.dock) and broken.holds_at(at):
        if event_type == "dock_locked":
            yield at, _dock(city, station, dock, bike, "dock_lock_failed")
            at += AGAIN_DOCKED_S
        dock = dock % city.stations[station].capacity + 1
    yield at, _dock(city, station, dock, bike, event_type)


def _dock(city: City, station: int, dock: int, bike: int, event_type: str) -> Document:
    """A dock is known by the number of its station on the street, and its own."""
    place = city.stations[station]
    return {
        "device_kind": "dock",
        "device_id": f"{place.short_name}/{dock}",
        "station_id": place.short_name,
        "event_type": event_type,
        "vehicle_id": city.bike_id(bike),
    }


def _vehicle(vehicle_id: str) -> Document:
    return {"device_kind": "vehicle", "device_id": vehicle_id}


def _position(city: City, scooter: int, spot: Spot) -> Document:
    return _vehicle(city.scooter_id(scooter)) | {
        "event_type": "position",
        "lat": latitude(spot[1]),
        "lon": longitude(spot[0]),
    }


def _write(home: Path, path: Path, day: date, sent: list[Delivery]) -> None:
    received = sorted(
        (one for one in sent if midnight(day) <= one.received_at < midnight(day) + DAY_S),
        key=lambda one: (one.received_at, one.event_id),
    )
    compressor = zstandard.ZstdCompressor()
    with replacing(path) as temporary:
        temporary.write_bytes(compressor.compress(b"".join(one.line + b"\n" for one in received)))
    ledger = home / "ledger" / f"events-{day}.parquet"
    ledger.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "kind": one.kind,
            "expected": LATE if one.kind == OFFLINE else DIRT[one.kind],
            "event_id": one.event_id,
            "device_id": one.device_id,
            "file": path.name,
            "line": line,
            "occurred_at": to_datetime(one.occurred_at),
            "received_at": to_datetime(one.received_at),
        }
        for line, one in enumerate(received, start=1)
        if one.kind is not None
    ]
    with replacing(ledger) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=_LEDGER), temporary)


_LEDGER = pa.schema(
    [
        ("kind", pa.string()),
        ("expected", pa.string()),
        ("event_id", pa.string()),
        ("device_id", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("received_at", pa.timestamp("us", tz="UTC")),
    ]
)
