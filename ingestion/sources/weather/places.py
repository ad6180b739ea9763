"""Where a system is: the middle of its stations, or of its vehicles, as last served."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ingestion.lake import Lake
from ingestion.sources.gbfs.tables import GBFS_FETCH

LISTS = {
    "station_information": "stations",
    "vehicle_status": "vehicles",
    "free_bike_status": "bikes",
}
"""The feeds that tell places, the surest first, and the lists in them."""

PRECISION = 2
"""Decimals of a degree, about a kilometre: a place stays the same when a station moves."""


@dataclass(frozen=True)
class Place:
    """A place in degrees."""

    lat: float
    lon: float


def place_of(lake: Lake, system_id: str) -> Place | None:
    """Return where a system is, or None where nothing that has landed tells it."""
    for feed, items in LISTS.items():
        body = _last_body(lake, system_id, feed)
        place = middle(body, items) if body else None
        if place:
            return place
    return None


def first_seen(lake: Lake, system_id: str) -> datetime | None:
    """Return when a system was first polled, or None."""
    rows = lake.read(GBFS_FETCH, ["min(fetched_at) as at"], f"system_id = '{system_id}'")
    found = rows.column("at").to_pylist()
    return found[0] if found else None


def middle(body: str, items: str) -> Place | None:
    """Return the median place of the items of a document, or None where they have none.

    The median, because feeds place stations at 0, 0.
    """
    try:
        listed: Any = orjson.loads(body)["data"][items]
        found = [place for place in map(_place, listed) if place]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not found:
        return None
    lat = statistics.median(place.lat for place in found)
    lon = statistics.median(place.lon for place in found)
    return Place(round(lat, PRECISION), round(lon, PRECISION))


def _place(item: Any) -> Place | None:
    lat, lon = (item.get("lat"), item.get("lon")) if isinstance(item, dict) else (None, None)
    if not isinstance(lat, int | float) or not isinstance(lon, int | float):
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180) or lat == lon == 0:
        return None
    return Place(lat, lon)


def _last_body(lake: Lake, system_id: str, feed: str) -> str | None:
    """Return the last good document of a feed; bodies of others are not read."""
    usable = f"system_id = '{system_id}' and feed = '{feed}' and error is null"
    rows = lake.read(
        GBFS_FETCH, ["fetch_id", "fetched_at"], f"{usable} and body_bytes > 0"
    ).to_pylist()
    if not rows:
        return None
    last = max(rows, key=lambda row: row["fetched_at"])["fetch_id"]
    bodies = lake.read(GBFS_FETCH, ["body"], f"fetch_id = '{last}'").column("body").to_pylist()
    return bodies[0] if bodies else None
