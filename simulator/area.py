"""Where scooters may stand: the service area, a zone without parking, and two hubs."""

import math
import uuid
from dataclasses import dataclass

import numpy as np

from simulator.geography import (
    NEIGHBOURHOODS,
    SHORE_EAST_KM,
    Geography,
    latitude,
    longitude,
    spot_of,
)

CORNERS = 20
MARGIN_KM = 0.5
BEYOND_KM = 0.7
HUB_HOMES = ("Universidade", "Praia do Farol")
NO_PARKING_HOME = "Ribeira"
NO_PARKING_KM = 0.25

Spot = tuple[float, float]
"""Km east and north of the centre."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon by its corners, counterclockwise, the first not repeated."""

    name: str
    corners: tuple[Spot, ...]

    def contains(self, spot: Spot) -> bool:
        """Tell whether a spot is inside: a ray to the east crosses an odd number of sides."""
        east, north = spot
        inside = False
        for (x1, y1), (x2, y2) in zip(self.corners, self._turned(), strict=True):
            if (y1 > north) != (y2 > north) and east < x1 + (north - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
        return inside

    def ring(self) -> list[tuple[float, float]]:
        """Return the closed ring of (longitude, latitude) that GeoJSON wants."""
        points = [(longitude(east), latitude(north)) for east, north in self.corners]
        return [*points, points[0]]

    def _turned(self) -> tuple[Spot, ...]:
        return (*self.corners[1:], self.corners[0])


@dataclass(frozen=True, slots=True)
class Hub:
    """A virtual station: a marked place where scooters stand, without docks."""

    station_id: str
    short_name: str
    name: str
    region_id: str
    spot: Spot

    @property
    def lat(self) -> float:
        """Return its latitude."""
        return latitude(self.spot[1])

    @property
    def lon(self) -> float:
        """Return its longitude."""
        return longitude(self.spot[0])


@dataclass(frozen=True, slots=True)
class Area:
    """All that tells where a scooter may stand."""

    service: Zone
    no_parking: Zone
    hubs: tuple[Hub, ...]

    def allows(self, spot: Spot) -> bool:
        """Tell whether a ride may end at a spot: on land, in the area, where parking is allowed."""
        return (
            spot[0] > SHORE_EAST_KM
            and self.service.contains(spot)
            and not self.no_parking.contains(spot)
        )

    def beyond(self) -> Spot:
        """Return a spot at least ``BEYOND_KM`` outside the service area."""
        east, north = max(self.service.corners, key=lambda corner: math.hypot(*corner))
        stretch = 1 + BEYOND_KM / math.hypot(east, north)
        return east * stretch, north * stretch


def draw_area(rng: np.random.Generator, geography: Geography) -> Area:
    """Draw an area that holds all stations and the middle of every neighbourhood."""
    spots = [spot_of(station.lat, station.lon) for station in geography.stations]
    spots += [(place.east_km, place.north_km) for place in NEIGHBOURHOODS]
    homes = {place.name: place for place in NEIGHBOURHOODS}
    quiet = homes[NO_PARKING_HOME]
    hubs = tuple(
        Hub(
            station_id=str(uuid.UUID(bytes=rng.bytes(16), version=4)),
            short_name=f"H{number}",
            name=f"{name} - Trotinetes",
            region_id=homes[name].region_id,
            spot=(homes[name].east_km, homes[name].north_km),
        )
        for number, name in enumerate(HUB_HOMES, start=1)
    )
    return Area(
        service=Zone("Port Aurora", _around(spots)),
        no_parking=Zone(
            "Cais da Ribeira",
            tuple(
                (
                    quiet.east_km + NO_PARKING_KM * math.cos(angle),
                    quiet.north_km + NO_PARKING_KM * math.sin(angle),
                )
                for angle in (math.tau * side / 8 for side in range(8))
            ),
        ),
        hubs=hubs,
    )


def _around(spots: list[Spot]) -> tuple[Spot, ...]:
    """Return a polygon of ``CORNERS`` corners around the centre that holds all the spots.

    A corner is farther out than any spot in the two sectors beside it. So are both ends of the
    side before a spot; the margin covers what a straight side cuts off.
    """
    sector = math.tau / CORNERS
    corners = []
    for corner in range(CORNERS):
        angle = sector * corner
        near = [
            math.hypot(east, north)
            for east, north in spots
            if abs(math.remainder(math.atan2(north, east) - angle, math.tau)) <= sector
        ]
        radius = MARGIN_KM + max(near, default=1.0)
        corners.append((radius * math.cos(angle), radius * math.sin(angle)))
    return tuple(corners)
