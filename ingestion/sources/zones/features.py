"""GeoJSON features as zones: what kind, whose name, from when to when, and where."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import orjson

from mobilake.errors import MobilakeError

Position = tuple[float, float]
Ring = list[Position]
Polygon = list[Ring]

KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
SHORTEST_RING = 4
WGS84 = ("crs84", "4326")


class BadZone(Exception):
    """Raised for a feature that is no zone, with the reason."""


@dataclass(frozen=True)
class Reading:
    """How the properties of a file are read.

    Attributes:
        kind: the kind of all its zones; None where each has a property `kind`.
        name_property: the property that names a zone.
    """

    kind: str | None
    name_property: str


@dataclass(frozen=True)
class Zone:
    """An area: even-odd, its rings closed, longitude before latitude. Times are aware UTC."""

    kind: str
    name: str
    valid_from: datetime | None
    valid_to: datetime | None
    polygons: list[Polygon]


def features_of(content: bytes, file: str) -> list[Any]:
    """Return the features of a GeoJSON FeatureCollection.

    Raises:
        MobilakeError: it is none, or of other coordinates than WGS 84.
    """
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise MobilakeError(f"{file} is not JSON ({error}): zones come as GeoJSON.") from None
    is_object = isinstance(document, dict)
    features = document.get("features") if is_object else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        raise MobilakeError(f"{file} is no GeoJSON FeatureCollection.")
    crs = orjson.dumps(document.get("crs")).decode().lower()
    if crs != "null" and not any(name in crs for name in WGS84):
        raise MobilakeError(
            f"{file} has coordinates of its own ({crs[:80]}): GeoJSON is in WGS 84 (EPSG:4326), "
            "reproject it first."
        )
    return features


def zone_of(feature: Any, reading: Reading) -> Zone:
    """Read a feature.

    Raises:
        BadZone: it lacks what a zone has, or its outline is none.
    """
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise BadZone("no GeoJSON Feature")
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    kind = reading.kind or properties.get("kind")
    if not isinstance(kind, str) or not KIND.fullmatch(kind):
        raise BadZone("no kind, or not in lower case: a property `kind`, or the option --kind")
    name = properties.get(reading.name_property)
    if name is None or isinstance(name, dict | list) or not str(name).strip():
        raise BadZone(f"no property {reading.name_property!r} that names it")
    valid_from = _moment(properties, "valid_from")
    valid_to = _moment(properties, "valid_to")
    if valid_from and valid_to and valid_from >= valid_to:
        raise BadZone("valid_to is not after valid_from")
    polygons = _polygons(feature.get("geometry"))
    return Zone(kind, str(name).strip(), valid_from, valid_to, polygons)


def _moment(properties: dict[str, Any], name: str) -> datetime | None:
    text = properties.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadZone(f"{name} is no ISO 8601 date or time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _polygons(geometry: Any) -> list[Polygon]:
    if not isinstance(geometry, dict):
        raise BadZone("no geometry")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise BadZone(f"a geometry of type {kind!r}, which encloses nothing")
    parts = [coordinates] if kind == "Polygon" else coordinates
    polygons = [[_ring(ring) for ring in _list(polygon)] for polygon in _list(parts)]
    if not polygons or not all(polygons):
        raise BadZone("a polygon without a ring")
    return polygons


def _ring(positions: Any) -> Ring:
    """Return a ring, closed where the last position is missing: there is one way to close it."""
    ring = [_position(position) for position in _list(positions)]
    if ring and ring[0] != ring[-1]:
        ring.append(ring[0])
    if len(ring) < SHORTEST_RING or math.isclose(_twice_area(ring), 0.0, abs_tol=1e-14):
        raise BadZone("a ring that encloses nothing")
    return ring


def _position(position: Any) -> Position:
    numbers = _list(position)[:2]
    if len(numbers) < 2 or not all(_is_number(number) for number in numbers):
        raise BadZone("a position without two numbers")
    lon, lat = (float(number) for number in numbers)
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadZone("a position that is not on earth: are the coordinates projected?")
    return lon, lat


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise BadZone("coordinates that are no list")
    return value


def _twice_area(ring: Ring) -> float:
    return math.fsum(_crosses(ring))


def _crosses(ring: Ring) -> Iterator[float]:
    lon, lat = ring[0]
    for (lon1, lat1), (lon2, lat2) in pairwise(ring):
        yield (lon1 - lon) * (lat2 - lat) - (lon2 - lon) * (lat1 - lat)
