"""The feeds that GBFS defines, where an index lists them, and which members are personal."""

from __future__ import annotations

from typing import Any

from ingestion.privacy import DROP, HASH

INDEX = "gbfs"
FEEDS = (
    "gbfs_versions",
    "manifest",
    "system_information",
    "system_hours",
    "system_calendar",
    "system_regions",
    "system_pricing_plans",
    "system_alerts",
    "geofencing_zones",
    "vehicle_types",
    "station_information",
    "station_status",
    "free_bike_status",
    "vehicle_status",
    "vehicle_availability",
)
REALTIME = frozenset(
    (
        "station_status",
        "free_bike_status",
        "vehicle_status",
        "vehicle_availability",
        "system_alerts",
    )
)
"""Feeds that change from minute to minute; the others are asked at a slower pace."""

_PERSON = (
    *("email", "phone", "phone_number", "name", "first_name", "last_name", "rider_name"),
    *("user_name", "gender", "birth_year", "birthday", "date_of_birth", "address"),
    *("postal_code", "zip_code", "license_plate", "device_id", "imei"),
)
_VEHICLE = {
    **{"bike_id": HASH, "vehicle_id": HASH, "rental_uris": DROP},
    **dict.fromkeys(("rider_id", "user_id", "customer_id", "account_id", "trip_id"), HASH),
    **dict.fromkeys(_PERSON, DROP),
}
PERSONAL = {
    "free_bike_status": _VEHICLE,
    "vehicle_status": _VEHICLE,
    "vehicle_availability": _VEHICLE,
}
"""A vehicle's id can follow a person from ride to ride, and its rental links carry the id. What is
about riders has no place in these feeds, but has been seen to slip in."""


def listed_feeds(index: Any, language: str | None = None, own_url: str = "") -> dict[str, str]:
    """Return the feeds of a `gbfs.json` document by name, of any version.

    Up to 2.3 they stand under a language (`data.en.feeds`), from 3.0 on under `data.feeds`. Of
    several languages the one asked for is taken, else the first that lists a feed. Names that GBFS
    does not define are passed over; each name and each address counts once, the index's own never.
    """
    found: dict[str, str] = {}
    for _, entries in sorted(_lists(index), key=lambda named: named[0] != language):
        for entry in entries:
            if not isinstance(entry, dict) or entry.get("name") not in FEEDS:
                continue
            name, url = str(entry["name"]), str(entry.get("url") or "")
            if url and url != own_url and name not in found and url not in found.values():
                found[name] = url
    return found


def languages(index: Any) -> list[str]:
    """Return the languages that a `gbfs.json` lists feeds in: none from 3.0 on."""
    return [language for language, _ in _lists(index) if language is not None]


def plain(value: Any) -> str | None:
    """Return a text, or since 3.0 the first of its translations; None for anything else."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0].get("text")
    return value if isinstance(value, str) and value else None


def _lists(index: Any) -> list[tuple[str | None, list[Any]]]:
    data = index.get("data") if isinstance(index, dict) else None
    if not isinstance(data, dict):
        return []
    if isinstance(data.get("feeds"), list):
        return [(None, data["feeds"])]
    return [
        (language, group["feeds"])
        for language, group in data.items()
        if isinstance(group, dict) and isinstance(group.get("feeds"), list)
    ]
