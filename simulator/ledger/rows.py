"""What happened on a day, as rows of the ledger."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from simulator.city import City
from simulator.geography import latitude, longitude
from simulator.log import Place
from simulator.moments import midnight

MICROSECONDS = 1_000_000

Rows = list[dict[str, Any]]


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


def _scooter_trips(city: City, day: date, until: int) -> Rows:
    rows = []
    for trip in city.day(day).scooters.trips:
        if trip.started_at >= until:
            break
        ended = trip.ended_at < until
        rows.append(
            {
                "trip_id": trip.trip_id,
                "scooter_id": city.scooter_id(trip.scooter),
                "vehicle_id_before": trip.vehicle_id_before,
                "reserved_at": _time(trip.reserved_at),
                "started_at": _time(trip.started_at),
                **_end("start", city, trip.start),
                **(_end("end", city, trip.end) if ended else {}),
                "vehicle_id_after": trip.vehicle_id_after if ended else None,
                "ended_at": _time(trip.ended_at) if ended else None,
            }
        )
    return rows


def _end(which: str, city: City, place: Place) -> dict[str, Any]:
    return {
        f"{which}_station_id": city.hub_id(place.hub),
        f"{which}_lat": latitude(place.spot[1]),
        f"{which}_lon": longitude(place.spot[0]),
    }


def _scooter_outages(city: City, day: date, until: int) -> Rows:
    return [
        {
            "scooter_id": city.scooter_id(outage.scooter),
            "vehicle_id": outage.vehicle_id,
            "station_id": city.hub_id(outage.hub),
            "cause": outage.cause,
            "disabled_at": _time(outage.disabled_at),
            "repaired_at": _time(repaired_at) if repaired_at and repaired_at < until else None,
        }
        for outage in city.day(day).scooters.outages
        for repaired_at in (outage.repaired_at,)
        if outage.disabled_at < until
    ]


def _scooter_collections(city: City, day: date, until: int) -> Rows:
    rows = []
    for one in city.day(day).scooters.collections:
        if one.collected_at >= until:
            break
        deployed = one.deployed_at < until
        rows.append(
            {
                "scooter_id": city.scooter_id(one.scooter),
                "vehicle_id_before": one.vehicle_id_before,
                "is_charged": one.is_charged,
                "collected_at": _time(one.collected_at),
                **_end("start", city, one.start),
                **(_end("end", city, one.end) if deployed else {}),
                "vehicle_id_after": one.vehicle_id_after if deployed else None,
                "deployed_at": _time(one.deployed_at) if deployed else None,
            }
        )
    return rows


def _weather(city: City, day: date, until: int) -> Rows:
    weather = city.day(day).weather
    return [
        {
            "temperature_c": float(weather.temperature_c[hour]),
            "rain_mm": float(weather.rain_mm[hour]),
            "wind_kmh": float(weather.wind_kmh[hour]),
            "humidity_pct": float(weather.humidity_pct[hour]),
            "observed_at": _time(observed_at),
        }
        for hour in range(24)
        if (observed_at := midnight(day) + 3_600 * hour) < until
    ]


TABLES: dict[str, Callable[[City, date, int], Rows]] = {
    "trips": _trips,
    "lost_demand": _lost_demand,
    "moves": _moves,
    "disablements": _disablements,
    "scooter_trips": _scooter_trips,
    "scooter_outages": _scooter_outages,
    "scooter_collections": _scooter_collections,
    "weather": _weather,
}


def _time(at: int | None) -> int | None:
    return None if at is None else at * MICROSECONDS
