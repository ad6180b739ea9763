"""The zones that the city draws itself, as a GeoJSON file: its councils, and its equity areas."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from simulator.area import Spot, Zone
from simulator.city import City
from simulator.gbfs.dialect import Data
from simulator.geography import NEIGHBOURHOODS, Neighbourhood
from simulator.home import write_json

COUNCIL, EQUITY_AREA = "council", "equity_area"
EQUITY_HOMES = ("Alto da Serra", "Vale Verde")
FORMER_EQUITY_HOME, FORMER_DAYS = "Bairro Novo", 1
EDGE_KM = 12.0
"""The councils share a square so far to each side of the centre among them."""


def write_zones(city: City, home: Path) -> Path:
    """Write ``zones.geojson``; the same city, the same bytes."""
    path = home / "zones.geojson"
    write_json(path, {"type": "FeatureCollection", "features": list(_features(city))})
    return path


def council_of(spot: Spot) -> str:
    """Return the council that a spot lies in: that of the nearest neighbourhood."""
    return min(NEIGHBOURHOODS, key=lambda place: _square_km(spot, _middle(place))).name


def council(place: Neighbourhood) -> Zone:
    """Return what lies nearer to a neighbourhood's middle than to any other's."""
    corners: tuple[Spot, ...] = (
        (-EDGE_KM, -EDGE_KM), (EDGE_KM, -EDGE_KM), (EDGE_KM, EDGE_KM), (-EDGE_KM, EDGE_KM),
    )  # fmt: skip
    for other in NEIGHBOURHOODS:
        if other is not place:
            corners = tuple(_nearer(corners, _middle(place), _middle(other)))
    return Zone(place.name, corners)


def _features(city: City) -> Iterator[Data]:
    former_until = city.started_on + timedelta(days=FORMER_DAYS)
    for place in NEIGHBOURHOODS:
        zone = council(place)
        yield _feature(zone, COUNCIL, {})
        if place.name in EQUITY_HOMES:
            yield _feature(zone, EQUITY_AREA, {})
        if place.name == FORMER_EQUITY_HOME:
            yield _feature(zone, EQUITY_AREA, {"valid_to": f"{former_until}T00:00:00Z"})


def _feature(zone: Zone, kind: str, times: dict[str, str]) -> Data:
    return {
        "type": "Feature",
        "properties": {"kind": kind, "name": zone.name, **times},
        "geometry": {"type": "Polygon", "coordinates": [zone.ring()]},
    }


def _nearer(corners: tuple[Spot, ...], here: Spot, there: Spot) -> Iterator[Spot]:
    """Yield the corners of the part of a convex polygon that is nearer to one spot than another."""

    def lead(spot: Spot) -> float:
        return _square_km(spot, there) - _square_km(spot, here)

    for one, other in zip(corners, (*corners[1:], corners[0]), strict=True):
        if lead(one) >= 0:
            yield one
        if (lead(one) >= 0) != (lead(other) >= 0):
            share = lead(one) / (lead(one) - lead(other))
            yield (
                one[0] + share * (other[0] - one[0]),
                one[1] + share * (other[1] - one[1]),
            )


def _middle(place: Neighbourhood) -> Spot:
    return place.east_km, place.north_km


def _square_km(one: Spot, other: Spot) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2
