"""The documents about stations, those with docks first and the hubs of the scooters after them."""

import re

import numpy as np

from simulator.area import Hub
from simulator.city import SCOOTER_TYPE, VEHICLE_TYPES, City
from simulator.gbfs.dialect import Data, Dialect, to_json
from simulator.geography import Station
from simulator.moments import iso
from simulator.states import ScooterStates, StationStates


def station_information(dialect: Dialect, city: City) -> Data:
    """Return the data of ``station_information``."""
    stations = [_station(dialect, station) for station in city.stations]
    return {"stations": stations + [_hub(dialect, hub) for hub in hubs_of(dialect, city)]}


def hubs_of(dialect: Dialect, city: City) -> tuple[Hub, ...]:
    """Return the virtual stations that a version can show."""
    return city.hubs if dialect.has_types else ()


class StationStatus:
    """The data of ``station_status`` at any moment.

    It keeps the text of each station for as long as the station's ``last_reported`` stays the
    same: a poll a minute later writes about one station in six anew.
    """

    def __init__(self, dialect: Dialect, city: City) -> None:
        """Start with nothing kept."""
        self._states = StationStates(city)
        self._capacity = [station.capacity for station in city.stations]
        self._templates = [_status(dialect, place.station_id) for place in city.stations]
        self._texts = [""] * len(city.stations)
        self._written_for = np.full(len(city.stations), -1, dtype=np.int64)
        self._hubs = hubs_of(dialect, city)
        self._hub_templates = [_hub_status(dialect, hub.station_id) for hub in self._hubs]
        self._scooters = ScooterStates(city)
        self._at_hubs = [self._scooters.at_hub(hub) for hub in range(len(self._hubs))]
        self._is_3 = dialect.is_3

    def data(self, at: int) -> str:
        """Return the data as of second ``at``."""
        self._states.move_to(at)
        reported_at = self._states.reported_at
        outdated = np.flatnonzero(reported_at != self._written_for)
        for station, (classic, electric, disabled), reported in zip(
            outdated.tolist(),
            self._states.counts[outdated].tolist(),
            reported_at[outdated].tolist(),
            strict=True,
        ):
            ready = classic + electric
            docks = self._capacity[station] - ready - disabled
            self._texts[station] = self._templates[station] % {
                "ready": ready,
                "classic": classic,
                "electric": electric,
                "disabled": disabled,
                "docks": docks,
                "reported": iso(reported) if self._is_3 else reported,
            }
        self._written_for = reported_at
        return f'{{"stations":[{",".join([*self._texts, *self._hub_texts(at)])}]}}'

    def _hub_texts(self, at: int) -> list[str]:
        """Return the hubs' texts; nobody stands there to report, so they are always of now."""
        if not self._hubs:
            return []
        if self._scooters.move_to(at):
            self._at_hubs = [self._scooters.at_hub(hub) for hub in range(len(self._hubs))]
        reported = iso(at) if self._is_3 else at
        return [
            template % {"ready": ready, "disabled": disabled, "reported": reported}
            for template, (ready, disabled) in zip(self._hub_templates, self._at_hubs, strict=True)
        ]


def _station(dialect: Dialect, station: Station) -> Data:
    kind = {"is_virtual_station": False, "is_charging_station": False}
    parking = {"parking_type": "street_parking"}
    return {
        "station_id": station.station_id,
        "name": dialect.text(station.name),
        "short_name": dialect.text(station.short_name),
        "lat": station.lat,
        "lon": station.lon,
        "region_id": station.region_id,
        "capacity": station.capacity,
        **(kind | parking if dialect.has_types else {}),
        "rental_methods": [dialect.word(way) for way in ("creditcard", "phone", "transitcard")],
    }


def _hub(dialect: Dialect, hub: Hub) -> Data:
    return {
        "station_id": hub.station_id,
        "name": dialect.text(hub.name),
        "short_name": dialect.text(hub.short_name),
        "lat": hub.lat,
        "lon": hub.lon,
        "region_id": hub.region_id,
        "is_virtual_station": True,
        "parking_type": "sidewalk_parking",
        "rental_methods": ["phone"],
    }


def _status(dialect: Dialect, station_id: str) -> str:
    """Return the text of a station with placeholders for what changes."""
    classic, electric = VEHICLE_TYPES
    types = [
        {"vehicle_type_id": classic, "count": "%(classic)d"},
        {"vehicle_type_id": electric, "count": "%(electric)d"},
    ]
    return _template(
        dialect,
        {
            "station_id": station_id,
            dialect.available: "%(ready)d",
            **({} if dialect.is_3 else {"num_ebikes_available": "%(electric)d"}),
            dialect.disabled: "%(disabled)d",
            "num_docks_available": "%(docks)d",
            "num_docks_disabled": 0,
            **({"vehicle_types_available": types} if dialect.has_types else {}),
        },
    )


def _hub_status(dialect: Dialect, station_id: str) -> str:
    return _template(
        dialect,
        {
            "station_id": station_id,
            dialect.available: "%(ready)d",
            dialect.disabled: "%(disabled)d",
            "vehicle_types_available": [{"vehicle_type_id": SCOOTER_TYPE, "count": "%(ready)d"}],
        },
    )


def _template(dialect: Dialect, counts: Data) -> str:
    """Return a row as text, numbers without quotes."""
    flags = ("is_installed", "is_renting", "is_returning")
    row = counts | {flag: dialect.flag(True) for flag in flags}
    row["last_reported"] = "%(reported)s" if dialect.is_3 else "%(reported)d"
    return re.sub(r'"(%\(\w+\)d)"', r"\1", to_json(row))
