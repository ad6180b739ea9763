"""The truth ledger: what really happened, as Parquet files that the product never reads."""

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simulator.city import City
from simulator.faults import Fault
from simulator.home import replacing
from simulator.moments import midnight

MICROSECONDS = 1_000_000
UTC_TIME = pa.timestamp("us", tz="UTC")

Rows = list[dict[str, Any]]

SCHEMAS = {
    "trips": pa.schema(
        [
            ("trip_id", pa.string()),
            ("bike_id", pa.string()),
            ("vehicle_type_id", pa.string()),
            ("start_station_id", pa.string()),
            ("intended_station_id", pa.string()),
            ("end_station_id", pa.string()),
            ("redirects", pa.int16()),
            ("started_at", UTC_TIME),
            ("ended_at", UTC_TIME),
        ]
    ),
    "lost_demand": pa.schema(
        [
            ("station_id", pa.string()),
            ("intended_station_id", pa.string()),
            ("requested_at", UTC_TIME),
        ]
    ),
    "moves": pa.schema(
        [
            ("move_id", pa.string()),
            ("truck_id", pa.string()),
            ("from_station_id", pa.string()),
            ("to_station_id", pa.string()),
            ("bike_ids", pa.list_(pa.string())),
            ("num_bikes", pa.int16()),
            ("picked_up_at", UTC_TIME),
            ("dropped_at", UTC_TIME),
        ]
    ),
    "disablements": pa.schema(
        [
            ("bike_id", pa.string()),
            ("station_id", pa.string()),
            ("disabled_at", UTC_TIME),
            ("repaired_at", UTC_TIME),
        ]
    ),
    "weather": pa.schema(
        [
            ("temperature_c", pa.float64()),
            ("rain_mm", pa.float64()),
            ("observed_at", UTC_TIME),
        ]
    ),
    "faults": pa.schema(
        [
            ("fault_id", pa.string()),
            ("kind", pa.string()),
            ("expected_rule", pa.string()),
            ("feed", pa.string()),
            ("starts_at", UTC_TIME),
            ("ends_at", UTC_TIME),
        ]
    ),
}


def write_day(city: City, home: Path, day: date, until: int) -> None:
    """Write what began on a UTC day, as it was known just before second ``until``.

    What had not ended by then (a ride, a load, a repair) has no end yet; writing the day again
    later completes it.
    """
    for table, rows_of in TABLES.items():
        rows = rows_of(city, day, until)
        _write(home / "ledger" / f"{table}-{day}.parquet", SCHEMAS[table], rows)


def write_faults(home: Path, faults: Iterable[Fault]) -> None:
    """Write the fault plan."""
    schema = SCHEMAS["faults"]
    rows = [{name: getattr(fault, name) for name in schema.names} for fault in faults]
    _write(home / "ledger" / "faults.parquet", schema, rows)


def _trips(city: City, day: date, until: int) -> Rows:
    rows = []
    for trip in city.day(day).trips:
        if trip.started_at >= until:
            break
        ended = trip.ended_at is not None and trip.ended_at < until
        rows.append(
            {
                "trip_id": trip.trip_id,
                "bike_id": city.bike_id(trip.bike),
                "vehicle_type_id": city.vehicle_type_id(trip.bike),
                "start_station_id": city.station_id(trip.start),
                "intended_station_id": city.station_id(trip.intended),
                "end_station_id": city.station_id(trip.end) if ended else None,
                "redirects": trip.redirects if ended else None,
                "started_at": _time(trip.started_at),
                "ended_at": _time(trip.ended_at) if ended else None,
            }
        )
    return rows


def _lost_demand(city: City, day: date, until: int) -> Rows:
    return [
        {
            "station_id": city.station_id(lost.station),
            "intended_station_id": city.station_id(lost.intended),
            "requested_at": _time(lost.requested_at),
        }
        for lost in city.day(day).lost_demand
        if lost.requested_at < until
    ]


def _moves(city: City, day: date, until: int) -> Rows:
    """Return one row per drop, and one without an end for what is still on the truck."""
    rows: Rows = []
    for move in city.day(day).moves:
        if move.picked_up_at >= until:
            continue
        common = {
            "move_id": move.move_id,
            "truck_id": f"truck-{move.truck + 1}",
            "from_station_id": city.station_id(move.start),
            "picked_up_at": _time(move.picked_up_at),
        }
        on_truck = list(move.bikes)
        for drop in move.drops:
            if drop.dropped_at < until:
                on_truck = on_truck[len(drop.bikes) :]
                end = {
                    "to_station_id": city.station_id(drop.station),
                    "dropped_at": _time(drop.dropped_at),
                }
                rows.append(common | _bikes(city, drop.bikes) | end)
        if on_truck:
            rows.append(common | _bikes(city, on_truck))
    return rows


def _bikes(city: City, bikes: Iterable[int]) -> dict[str, Any]:
    bike_ids = [city.bike_id(bike) for bike in bikes]
    return {"bike_ids": bike_ids, "num_bikes": len(bike_ids)}


def _disablements(city: City, day: date, until: int) -> Rows:
    return [
        {
            "bike_id": city.bike_id(broken.bike),
            "station_id": city.station_id(broken.station),
            "disabled_at": _time(broken.disabled_at),
            "repaired_at": _time(broken.repaired_at) if broken.repaired_at < until else None,
        }
        for broken in city.day(day).disablements
        if broken.disabled_at < until
    ]


def _weather(city: City, day: date, until: int) -> Rows:
    weather = city.day(day).weather
    hours = zip(weather.temperature_c.tolist(), weather.rain_mm.tolist(), strict=True)
    return [
        {"temperature_c": temperature_c, "rain_mm": rain_mm, "observed_at": _time(observed_at)}
        for hour, (temperature_c, rain_mm) in enumerate(hours)
        if (observed_at := midnight(day) + 3_600 * hour) < until
    ]


TABLES: dict[str, Callable[[City, date, int], Rows]] = {
    "trips": _trips,
    "lost_demand": _lost_demand,
    "moves": _moves,
    "disablements": _disablements,
    "weather": _weather,
}


def _time(at: int | None) -> int | None:
    return None if at is None else at * MICROSECONDS


def _write(path: Path, schema: pa.Schema, rows: Rows) -> None:
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)
