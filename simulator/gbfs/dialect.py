"""How the versions of GBFS differ: in feeds, in names of fields, in flags, times and texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.moments import iso

VERSION = "2.3"
LANGUAGE = "en"
TTL_S = 60

INDEX = "gbfs"
STATUS, INFORMATION = "station_status", "station_information"
FREE_BIKES, VEHICLES = "free_bike_status", "vehicle_status"
ZONES = "geofencing_zones"
ABOUT = ("system_information", "gbfs_versions")
BOOKS = ("system_regions", "system_pricing_plans", "system_alerts")
HOURS = ("system_hours", "system_calendar")
STATIONS = (INFORMATION, STATUS)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version of GBFS.

    Attributes:
        version: as documents declare it.
        feeds: all its feeds but the index, ``system_information`` first.
        vehicle_feed: the name of its feed of vehicles.
        vehicle_id: the field with the public id of a vehicle.
        available: the field with the number of vehicles ready at a station.
        disabled: the field with the number of vehicles out of order at a station.
    """

    version: str
    feeds: tuple[str, ...]
    vehicle_feed: str = FREE_BIKES
    vehicle_id: str = "bike_id"
    available: str = "num_bikes_available"
    disabled: str = "num_bikes_disabled"

    @property
    def has_types(self) -> bool:
        """Tell whether it knows vehicle types, virtual stations and batteries."""
        return self.version != "1.1"

    @property
    def is_3(self) -> bool:
        """Tell whether texts carry their language and times are RFC 3339."""
        return self.version.startswith("3")

    def flag(self, value: bool) -> bool | int:
        """Return a yes or no as this version writes it."""
        return value if self.has_types else int(value)

    def time(self, at: int) -> int | str:
        """Return a second as this version writes it."""
        return iso(at) if self.is_3 else at

    def text(self, text: str) -> str | list[dict[str, str]]:
        """Return a text for people as this version writes it."""
        return [{"text": text, "language": LANGUAGE}] if self.is_3 else text

    def word(self, word: str) -> str:
        """Return a word of a fixed list as this version writes it."""
        return word if self.has_types else word.upper()

    def document(self, last_updated: int, data: str, declared: str | None = None) -> str:
        """Wrap the JSON text of ``data`` into the common envelope.

        ``declared`` is the version that the document claims, by default the true one.
        """
        return (
            f'{{"last_updated":{to_json(self.time(last_updated))},"ttl":{TTL_S},'
            f'"version":"{declared or self.version}","data":{data}}}'
        )

    def items(self, feed: str) -> str | None:
        """Return the name of a feed's list of stations or vehicles, if it has one."""
        if feed in STATIONS:
            return "stations"
        if feed == self.vehicle_feed:
            return "vehicles" if self.is_3 else "bikes"
        return None


V1_1 = Dialect("1.1", ("system_information", *BOOKS, *HOURS, *STATIONS, FREE_BIKES))
V2_3 = Dialect(
    "2.3",
    (*ABOUT, *BOOKS, *HOURS, "vehicle_types", ZONES, *STATIONS, FREE_BIKES),
)
V3_0 = Dialect(
    "3.0",
    (*ABOUT, *BOOKS, "vehicle_types", ZONES, *STATIONS, VEHICLES),
    vehicle_feed=VEHICLES,
    vehicle_id="vehicle_id",
    available="num_vehicles_available",
    disabled="num_vehicles_disabled",
)
DIALECTS = {dialect.version: dialect for dialect in (V1_1, V2_3, V3_0)}

Data = dict[str, Any]
"""What a document holds under ``data``, or a part of that."""


def to_json(value: Mapping[str, Any] | Sequence[Any] | int | str) -> str:
    """Return a value as compact JSON text."""
    return orjson.dumps(value).decode()
