"""What the operator's own database holds at a moment: vehicles, orders, moves, reports.

Orders about docks and deactivations are paper: nothing in the feeds follows from them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from simulator.city import SCOOTER_TYPE, City
from simulator.log import Move
from simulator.moments import DAY_S, day_of, days_between, midnight

HOUR_S = 3_600
PRESSED_AFTER_S = 120
"""The crew notes a stop within so many seconds."""
LATE_S, TWICE_S = 5 * HOUR_S, 3 * HOUR_S
DOCK_REPAIRS, DEACTIVATIONS, INSPECTIONS, CALLED_OFF = 0.05, 0.02, 0.2, 0.03
"""How many there are for each station and day."""
DOCK_REPAIR_S, DEACTIVATION_S = 26 * HOUR_S, 12 * HOUR_S
"""How long they take in the mean: some take longer than contracts allow."""
REPORTED_SHARE = 0.6
NOWHERE = "PA-000"
TABLES = ("vehicles", "work_orders", "moves", "inspections", "rider_reports")

Row = dict[str, Any]
Times = dict[str, int | None]
Chance = np.random.Generator


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong about a row, or when it is there though it should not be, or the reverse.

    It is to be seen from ``shown_from`` on, and until ``shown_until`` if it is taken out again.
    """

    fault_id: str
    kind: str
    table: str
    row_key: str
    shown_from: int
    shown_until: int | None = None


@dataclass(slots=True)
class Book:
    """The database as it is at second ``until``."""

    city: City
    until: int
    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    wrongs: list[Wrong] = field(default_factory=list)

    def add(self, table: str, row: Row, times: Times, shown_from: int | None = None) -> None:
        """Add a row that begins with the first of its times; those to come are not in it yet."""
        known = {name: at for name, at in times.items() if at is not None and at <= self.until}
        begins = next(iter(times.values())) if shown_from is None else shown_from
        if known and begins is not None and begins <= self.until:
            stamps = {name: known.get(name) for name in times}
            self.tables[table].append(row | stamps | {"updated_at": max(known.values())})

    def order(
        self,
        order_id: str,
        kind: str,
        opened_at: int,
        started_at: int | None,
        completed_at: int | None,
        *,
        station_ref: str | None = None,
        vehicle_id: str | None = None,
        cancelled_at: int | None = None,
    ) -> None:
        """Add a work order."""
        passed = {
            "cancelled": cancelled_at,
            "completed": completed_at,
            "in progress": started_at,
            "open": opened_at,
        }
        status = next(
            (name for name, at in passed.items() if at is not None and at <= self.until), "open"
        )
        crew = sum(order_id.encode()) % 7 + 1
        row = {
            "work_order_id": order_id,
            "kind": kind,
            "status": status,
            "station_ref": station_ref,
            "vehicle_id": vehicle_id,
            "assigned_to": f"Crew Member {crew}",
        }
        times = {
            "opened_at": opened_at,
            "started_at": started_at,
            "completed_at": completed_at,
            "cancelled_at": cancelled_at,
        }
        self.add("work_orders", row, times)

    def plant(
        self, day: date, kind: str, table: str, row_key: str, since: int, until: int | None = None
    ) -> None:
        """Note what is wrong about a row, once it is to be seen."""
        if since <= self.until:
            name = f"ops-{day}-{kind}"
            self.wrongs.append(Wrong(name, kind, table, row_key, since, until))


def book_at(city: City, until: int) -> Book:
    """Return the database at a second."""
    book = Book(city, until)
    last = day_of(until)
    city.day(last + timedelta(days=1))  # what a truck loads at night it puts down on the next day
    for day in days_between(city.started_on, last):
        rng = np.random.default_rng([city.seed, day.toordinal(), 6])
        _moves(book, day, rng)
        _repairs(book, day, rng)
        _station_works(book, day, rng)
    _vehicles(book)
    return book


def _moves(book: Book, day: date, rng: Chance) -> None:
    """Each load of a truck is an order; its stops are noted a little after they were made."""
    moves = book.city.day(day).moves
    miscounted, late, twice = (int(rng.integers(max(len(moves), 1))) for _ in range(3))
    for number, move in enumerate(moves):
        order_id = f"W-{move.move_id}"
        opened_at = move.picked_up_at - int(rng.integers(600, HOUR_S))
        started_at = move.picked_up_at - int(rng.integers(120, 600))
        stops = list(_stops(book.city, move, rng))
        done_at = stops[-1]["moved_at"] if move.drops else None
        station_ref = stops[0]["station_ref"]
        book.order(order_id, "rebalancing", opened_at, started_at, done_at, station_ref=station_ref)
        if number == twice and opened_at + TWICE_S > book.until:
            book.order(
                f"{order_id}-2", "rebalancing", opened_at, None, None, station_ref=station_ref
            )
        if number == twice:
            book.plant(
                day, "entered_twice", "work_orders", f"{order_id}-2", opened_at, opened_at + TWICE_S
            )
        for stop in stops:
            key = f"{move.move_id}/{stop['stop']}"
            moved_at = stop.pop("moved_at")
            row = stop | {"move_id": move.move_id, "work_order_id": order_id}
            shown_from = moved_at
            if number == miscounted and stop["stop"] == 1:
                row["vehicles"] += 2
                book.plant(day, "miscounted", "moves", key, moved_at)
            if number == late and stop["stop"] == 2:
                shown_from += LATE_S
                book.plant(day, "entered_late", "moves", key, shown_from)
            book.add("moves", row, {"moved_at": moved_at}, shown_from)


def _stops(city: City, move: Move, rng: Chance) -> Iterator[Row]:
    places = [("pick_up", move.start, move.picked_up_at, len(move.bikes))]
    places += [("drop_off", drop.station, drop.dropped_at, len(drop.bikes)) for drop in move.drops]
    for number, (kind, station, at, bikes) in enumerate(places, start=1):
        yield {
            "stop": number,
            "kind": kind,
            "station_ref": city.stations[station].short_name,
            "vehicles": bikes,
            "moved_at": at + int(rng.integers(PRESSED_AFTER_S)),
        }


def _repairs(book: Book, day: date, rng: Chance) -> None:
    """What is out of order is reported, or found, and mended; one order has its times reversed."""
    city, log = book.city, book.city.day(day)
    broken = [
        (city.bike_id(one.bike), city.stations[one.station].short_name, "repair",
         one.disabled_at, one.repaired_at)
        for one in log.disablements
    ] + [
        (city.scooter_id(one.scooter), None if one.hub is None else city.hubs[one.hub].short_name,
         "battery swap" if one.cause == "battery" else "repair", one.disabled_at, one.repaired_at)
        for one in log.scooters.outages
    ]  # fmt: skip
    reversed_one = int(rng.integers(max(len(broken), 1)))
    for number, (vehicle_id, station_ref, kind, since, mended_at) in enumerate(broken):
        order_id = f"W-{day:%Y%m%d}-{number + 1:03d}"
        opened_at = since + int(rng.integers(60, 900))
        is_reported, rider = rng.random() < REPORTED_SHARE, int(rng.integers(1, 10_000))
        share = float(rng.uniform(0.3, 0.9))
        started_at, done_at = None, None
        if mended_at is not None:
            done_at = max(mended_at, opened_at + 60)
            started_at = opened_at + int(share * (done_at - opened_at))
        if number == reversed_one and done_at is not None:
            book.plant(day, "times_reversed", "work_orders", order_id, done_at)
            if done_at <= book.until:
                opened_at, done_at = done_at, opened_at
        book.order(
            order_id, kind, opened_at, started_at, done_at,
            station_ref=station_ref, vehicle_id=vehicle_id,
        )  # fmt: skip
        if is_reported:
            _report(book, f"R-{day:%Y%m%d}-{number + 1:03d}", order_id, rider, vehicle_id,
                    station_ref, since + 30, mended_at)  # fmt: skip
        if mended_at is not None:
            row = {
                "inspection_id": f"I-{day:%Y%m%d}-v{number + 1:03d}",
                "work_order_id": order_id,
                "station_ref": station_ref,
                "vehicle_id": vehicle_id,
                "inspector": f"Crew Member {number % 7 + 1}",
                "result": "passed",
                "note": None,
            }
            book.add("inspections", row, {"inspected_at": mended_at + 60})


def _report(
    book: Book,
    report_id: str,
    order_id: str,
    rider: int,
    vehicle_id: str,
    station_ref: str | None,
    reported_at: int,
    resolved_at: int | None,
) -> None:
    """A rider's report, with all that tells who the rider is."""
    is_resolved = resolved_at is not None and resolved_at <= book.until
    row = {
        "report_id": report_id,
        "work_order_id": order_id,
        "station_ref": station_ref,
        "vehicle_id": vehicle_id,
        "category": "broken vehicle",
        "status": "resolved" if is_resolved else "open",
        "rider_id": f"rider-{rider:05d}",
        "rider_name": f"Maria Exemplo {rider:05d}",
        "email": f"maria.{rider:05d}@example.org",
        "phone": f"+351 900 0{rider:05d}",
        "message": f"{vehicle_id} is broken, call me, Maria Exemplo {rider:05d}",
    }
    book.add("rider_reports", row, {"reported_at": reported_at, "resolved_at": resolved_at})


def _station_works(book: Book, day: date, rng: Chance) -> None:
    """Docks to mend, stations to switch off, rounds of inspection, orders that are called off."""
    stations = book.city.stations
    works = (
        ("dock repair", DOCK_REPAIRS, DOCK_REPAIR_S, False),
        ("deactivation", DEACTIVATIONS, DEACTIVATION_S, False),
        ("rebalancing", CALLED_OFF, HOUR_S, True),
    )
    for kind, per_station, mean_s, is_called_off in works:
        many = max(1, int(rng.poisson(per_station * len(stations))))
        for number in range(many):
            station_ref = stations[int(rng.integers(len(stations)))].short_name
            opened_at = midnight(day) + int(rng.integers(DAY_S))
            ends_at = opened_at + 600 + int(rng.exponential(mean_s))
            order_id = f"W-{day:%Y%m%d}-{kind[:3]}{number + 1:02d}"
            if kind == "dock repair" and number == 0:
                station_ref = NOWHERE
                book.plant(day, "unknown_station", "work_orders", order_id, opened_at)
            book.order(
                order_id, kind, opened_at,
                None if is_called_off else (opened_at + ends_at) // 2,
                None if is_called_off else ends_at,
                station_ref=station_ref, cancelled_at=ends_at if is_called_off else None,
            )  # fmt: skip
    for number in range(int(rng.poisson(INSPECTIONS * len(stations)))):
        row = {
            "inspection_id": f"I-{day:%Y%m%d}-s{number + 1:03d}",
            "work_order_id": None,
            "station_ref": stations[int(rng.integers(len(stations)))].short_name,
            "vehicle_id": None,
            "inspector": f"Crew Member {number % 7 + 1}",
            "result": "failed" if rng.random() < 0.1 else "passed",
            "note": "seen by Crew Member",
        }
        book.add("inspections", row, {"inspected_at": midnight(day) + int(rng.integers(DAY_S))})


def _vehicles(book: Book) -> None:
    """The fleet, with how each vehicle is: in repair from its failure until it is mended."""
    city = book.city
    began_at = midnight(city.started_on)
    changed: dict[str, tuple[int, str]] = {}
    for day in days_between(city.started_on, day_of(book.until)):
        log = city.day(day)
        failures = [
            (city.bike_id(one.bike), one.disabled_at, one.repaired_at) for one in log.disablements
        ] + [
            (city.scooter_id(one.scooter), one.disabled_at, one.repaired_at)
            for one in log.scooters.outages
        ]
        for vehicle_id, failed_at, mended_at in failures:
            for at, status in ((failed_at, "in repair"), (mended_at, "in service")):
                if at is not None and changed.get(vehicle_id, (0, ""))[0] <= at <= book.until:
                    changed[vehicle_id] = (at, status)
    fleet = [(city.bike_id(bike), city.vehicle_type_id(bike)) for bike in range(city.fleet)]
    fleet += [(city.scooter_id(scooter), SCOOTER_TYPE) for scooter in range(city.scooters)]
    for vehicle_id, vehicle_type in fleet:
        at, status = changed.get(vehicle_id, (began_at, "in service"))
        row = {"vehicle_id": vehicle_id, "vehicle_type": vehicle_type, "status": status}
        times = {"in_service_at": began_at, "retired_at": None}
        book.add("vehicles", row, times)
        book.tables["vehicles"][-1]["updated_at"] = at
