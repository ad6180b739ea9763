"""Port Aurora in GBFS 2.3: one function or class for each document."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.city import NAME, SYSTEM_ID, VEHICLE_TYPES, City, StationStates
from simulator.riders import TIMEZONE

VERSION = "2.3"
LANGUAGE = "en"
TTL_S = 60
FEEDS = ("system_information", "vehicle_types", "station_information", "station_status")


def document(last_updated: int, data: str) -> str:
    """Wrap the JSON text of ``data`` into the common envelope."""
    return f'{{"last_updated":{last_updated},"ttl":{TTL_S},"version":"{VERSION}","data":{data}}}'


def discovery(base_url: str) -> str:
    """Return the data of ``gbfs.json``: where the feeds are on this server."""
    feeds = [
        {"name": feed, "url": f"{base_url.rstrip('/')}/gbfs/{VERSION}/{LANGUAGE}/{feed}.json"}
        for feed in FEEDS
    ]
    return _json({LANGUAGE: {"feeds": feeds}})


def system_information(city: City) -> str:
    """Return the data of ``system_information``."""
    return _json(
        {
            "system_id": SYSTEM_ID,
            "language": LANGUAGE,
            "name": NAME,
            "operator": "Aurora Bicicletas (simulated)",
            "start_date": city.started_on.isoformat(),
            "timezone": TIMEZONE,
        }
    )


def vehicle_types() -> str:
    """Return the data of ``vehicle_types``."""
    classic, electric = VEHICLE_TYPES
    return _json(
        {
            "vehicle_types": [
                {
                    "vehicle_type_id": classic,
                    "form_factor": "bicycle",
                    "propulsion_type": "human",
                    "name": "Classic bike",
                },
                {
                    "vehicle_type_id": electric,
                    "form_factor": "bicycle",
                    "propulsion_type": "electric_assist",
                    "max_range_meters": 45_000,
                    "name": "Electric bike",
                },
            ]
        }
    )


def station_information(city: City) -> str:
    """Return the data of ``station_information``."""
    return _json(
        {
            "stations": [
                {
                    "station_id": station.station_id,
                    "name": station.name,
                    "short_name": station.short_name,
                    "lat": station.lat,
                    "lon": station.lon,
                    "capacity": station.capacity,
                    "is_virtual_station": False,
                    "is_charging_station": False,
                    "parking_type": "street_parking",
                    "rental_methods": ["creditcard", "phone", "transitcard"],
                }
                for station in city.stations
            ]
        }
    )


class StationStatus:
    """The data of ``station_status`` at any moment.

    It keeps the text of each station for as long as the station's ``last_reported`` stays the
    same: a poll a minute later writes about one station in six anew.
    """

    def __init__(self, city: City) -> None:
        """Start with nothing kept."""
        self._states = StationStates(city)
        self._capacity = [station.capacity for station in city.stations]
        classic, electric = VEHICLE_TYPES
        self._templates = [
            f'{{"station_id":"{station.station_id}","num_bikes_available":%d,'
            '"num_bikes_disabled":%d,"num_docks_available":%d,"num_docks_disabled":0,'
            f'"vehicle_types_available":[{{"vehicle_type_id":"{classic}","count":%d}},'
            f'{{"vehicle_type_id":"{electric}","count":%d}}],'
            '"is_installed":true,"is_renting":true,"is_returning":true,"last_reported":%d}'
            for station in city.stations
        ]
        self._texts = [""] * len(city.stations)
        self._written_for = np.full(len(city.stations), -1, dtype=np.int64)

    def data(self, at: int) -> str:
        """Return the data as of second ``at``."""
        self._states.move_to(at)
        reported_at = self._states.reported_at
        outdated = np.flatnonzero(reported_at != self._written_for)
        for station, (classic, electric, disabled), last_reported in zip(
            outdated.tolist(),
            self._states.counts[outdated].tolist(),
            reported_at[outdated].tolist(),
            strict=True,
        ):
            ready = classic + electric
            docks = self._capacity[station] - ready - disabled
            self._texts[station] = self._templates[station] % (
                ready, disabled, docks, classic, electric, last_reported,
            )  # fmt: skip
        self._written_for = reported_at
        return f'{{"stations":[{",".join(self._texts)}]}}'


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
