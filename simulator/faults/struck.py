"""Which stations and scooters a fault strikes: always the same ones, chosen by its id."""

import uuid
import zlib
from collections import Counter
from dataclasses import dataclass

import numpy as np

from simulator.city import City
from simulator.faults.kinds import Fault, FaultKind
from simulator.log import ScooterTrip
from simulator.moments import DAY_S, day_of, days_between, to_seconds
from simulator.states import scooters_at

FLAPPING_SHARE = 0.6
BUSY_SHARE = 0.1
UNROTATED = 3

WHOLE_FEED = {
    FaultKind.EMPTY_BODY,
    FaultKind.TRUNCATED_JSON,
    FaultKind.HTML_BODY,
    FaultKind.HTTP_500,
    FaultKind.HTTP_404,
    FaultKind.GAP,
    FaultKind.TIMEOUT,
    FaultKind.STALE_FEED,
    FaultKind.FROZEN_FEED,
    FaultKind.LAST_UPDATED_REGRESS,
    FaultKind.LAST_UPDATED_FUTURE,
    FaultKind.INTEGER_BOOLEANS,
    FaultKind.VERSION_SWITCH,
}
"""The kinds that strike no station or scooter of their own."""


@dataclass(frozen=True, slots=True)
class Struck:
    """What a fault strikes: stations by public id, scooters by index."""

    station_ids: tuple[str, ...] = ()
    scooters: tuple[int, ...] = ()


def struck(fault: Fault, city: City) -> Struck:
    """Return what a fault strikes; the city is played as far as that takes."""
    if fault.kind in WHOLE_FEED:
        return Struck()
    match fault.kind:
        case FaultKind.ORPHAN_STATUS:
            return Struck((str(uuid.uuid5(uuid.NAMESPACE_OID, fault.fault_id)),))
        case FaultKind.STATION_FLAP:
            return Struck(_some_stations(fault, city))
        case FaultKind.ID_FORMAT_CHANGE:
            docked = [station.station_id for station in city.stations]
            return Struck((*docked, *(hub.station_id for hub in city.hubs)))
        case FaultKind.FROZEN_STATION:
            busy = _busy_stations(city)
            return Struck((busy[fault.choose(len(busy))],))
        case FaultKind.ID_NOT_ROTATED:
            return Struck(scooters=_travelling_scooters(fault, city))
        case FaultKind.GEOFENCE_BREACH:
            return Struck(scooters=_standing_scooter(fault, city))
        case FaultKind.DISABLED_COUNTED:
            return _disabled_at_first_hub(fault, city)
    return Struck((city.stations[fault.choose(len(city.stations))].station_id,))


def _some_stations(fault: Fault, city: City) -> tuple[str, ...]:
    """Return the share of stations that vanish."""
    station_ids = [station.station_id for station in city.stations]
    by_chance = sorted(station_ids, key=lambda one: zlib.crc32(f"{fault.fault_id}/{one}".encode()))
    gone = set(by_chance[: round(FLAPPING_SHARE * len(by_chance))])
    return tuple(station_id for station_id in station_ids if station_id in gone)


def _busy_stations(city: City) -> list[str]:
    """Return the stations that changed most often on the city's first day."""
    changes = np.bincount(city.day(city.started_on).change_station, minlength=len(city.stations))
    busiest = np.argsort(-changes, kind="stable")[: max(1, round(BUSY_SHARE * len(changes)))]
    return [city.stations[station].station_id for station in busiest.tolist()]


def _travelling_scooters(fault: Fault, city: City) -> tuple[int, ...]:
    """Return the scooters that make most rides while the fault lasts."""
    since, until = to_seconds(fault.starts_at), to_seconds(fault.ends_at)
    rides = Counter(
        trip.scooter
        for trip in _trips_about(fault, city)
        if since <= trip.started_at < trip.ended_at < until
    )
    return tuple(sorted(scooter for scooter, _ in rides.most_common(UNROTATED)))


def _standing_scooter(fault: Fault, city: City) -> tuple[int, ...]:
    """Return a scooter that is not ridden while the fault lasts, if possible away from hubs."""
    since, until = to_seconds(fault.starts_at), to_seconds(fault.ends_at)
    ridden = {
        trip.scooter
        for trip in _trips_about(fault, city)
        if trip.started_at < until and trip.ended_at > since
    }
    states = scooters_at(city, since)
    standing = [scooter for scooter in range(city.scooters) if scooter not in ridden]
    away = [scooter for scooter in standing if states[scooter].place.hub is None] or standing
    return (away[fault.choose(len(away))],) if away else ()


def _trips_about(fault: Fault, city: City) -> list[ScooterTrip]:
    """Return the trips that start on a day of the fault, or on the day before it."""
    first = max(city.started_on, day_of(to_seconds(fault.starts_at) - DAY_S))
    days = days_between(first, day_of(to_seconds(fault.ends_at)))
    return [trip for day in days for trip in city.day(day).scooters.trips]


def _disabled_at_first_hub(fault: Fault, city: City) -> Struck:
    if not city.hubs:
        return Struck()
    disabled = tuple(
        scooter
        for scooter, state in enumerate(scooters_at(city, to_seconds(fault.starts_at)))
        if state.place.hub == 0 and state.is_disabled
    )
    return Struck((city.hubs[0].station_id,), disabled)
