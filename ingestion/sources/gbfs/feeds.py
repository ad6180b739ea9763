"""The feeds that GBFS defines, where an index lists them, and which members are personal."""

from __future__ import annotations

from typing import Any

from ingestion.privacy import DROP, HASH

INDEX = "gbfs"
FEEDS = (
    "gbfs_versions",
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
_VEHICLE = {"bike_id": HASH, "vehicle_id": HASH, "rental_uris": DROP}
PERSONAL = {
    "free_bike_status": _VEHICLE,
    "vehicle_status": _VEHICLE,
    "vehicle_availability": _VEHICLE,
}
"""A vehicle's id can follow a person from ride to ride, and its rental links carry the id."""


def listed_feeds(index: Any, language: str | None = None) -> dict[str, str]:
    """Return the feeds of a `gbfs.json` document by name, of any version, without the index itself.

    Up to 2.3 they stand under a language (`data.en.feeds`), from 3.0 on under `data.feeds`. Of
    several languages the one asked for is taken, else the first that lists a feed.
    """
    data = index.get("data") if isinstance(index, dict) else None
    if not isinstance(data, dict):
        return {}
    groups = (
        [data]
        if isinstance(data.get("feeds"), list)
        else [
            data[name]
            for name in sorted(data, key=lambda name: name != language)
            if isinstance(data[name], dict)
        ]
    )
    found: dict[str, str] = {}
    for group in groups:
        entries = group.get("feeds")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("name") in FEEDS and entry.get("url"):
                found.setdefault(str(entry["name"]), str(entry["url"]))
    return found
