"""Where Port Aurora's stations are, and what kind of place each of them serves."""

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

CENTRE_LAT, CENTRE_LON = 40.06, -8.84
KM_PER_DEGREE_LAT = 111.32
KM_PER_DEGREE_LON = KM_PER_DEGREE_LAT * math.cos(math.radians(CENTRE_LAT))
SHORE_EAST_KM = -3.2
CAPACITIES = (11, 35)
STATION_SPACING_KM = 0.18


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A part of the city: its place, its share of the stations, and what people do there.

    ``purposes`` weighs living, working and leisure, and adds up to one.
    """

    name: str
    east_km: float
    north_km: float
    radius_km: float
    share: float
    purposes: tuple[float, float, float]

    @property
    def region_id(self) -> str:
        """Return its public id, as a region of the system."""
        return self.name.lower().replace(" ", "-")


NEIGHBOURHOODS = (
    Neighbourhood("Baixa", 0.0, 0.0, 0.7, 0.16, (0.15, 0.60, 0.25)),
    Neighbourhood("Ribeira", -1.3, -0.5, 0.6, 0.12, (0.20, 0.25, 0.55)),
    Neighbourhood("Parque das Docas", -1.6, 1.4, 0.7, 0.10, (0.10, 0.75, 0.15)),
    Neighbourhood("Praia do Farol", -2.5, 0.3, 0.5, 0.09, (0.15, 0.05, 0.80)),
    Neighbourhood("Universidade", 1.5, 1.5, 0.6, 0.11, (0.25, 0.65, 0.10)),
    Neighbourhood("Alto da Serra", 2.4, -0.8, 0.8, 0.13, (0.85, 0.10, 0.05)),
    Neighbourhood("Bairro Novo", 0.6, -2.0, 0.8, 0.14, (0.80, 0.10, 0.10)),
    Neighbourhood("Vale Verde", 1.0, 3.0, 0.9, 0.15, (0.85, 0.05, 0.10)),
)
LANDMARKS = (
    "Praça", "Mercado", "Estação", "Jardim", "Biblioteca", "Escola", "Igreja", "Teatro",
    "Correios", "Museu", "Hospital", "Rotunda", "Miradouro", "Largo", "Câmara", "Piscina",
    "Fonte", "Mirante", "Avenida", "Ginásio",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Station:
    """A station with docks; nothing of it ever changes."""

    station_id: str
    short_name: str
    name: str
    region_id: str
    lat: float
    lon: float
    capacity: int


@dataclass(frozen=True, slots=True)
class Geography:
    """The stations and their relations; S is the number of stations.

    Attributes:
        stations: the S stations.
        purposes: (S, 3) weights of living, working and leisure around each.
        distance_km: (S, S) straight distances.
        nearest: (S, S) for each station all stations, the nearest (itself) first.
    """

    stations: tuple[Station, ...]
    purposes: npt.NDArray[np.float64]
    distance_km: npt.NDArray[np.float64]
    nearest: npt.NDArray[np.int64]


def latitude(north_km: float) -> float:
    """Return the degrees north of a place so many km north of the centre."""
    return round(CENTRE_LAT + north_km / KM_PER_DEGREE_LAT, 6)


def longitude(east_km: float) -> float:
    """Return the degrees east of a place so many km east of the centre."""
    return round(CENTRE_LON + east_km / KM_PER_DEGREE_LON, 6)


def spot_of(lat: float, lon: float) -> tuple[float, float]:
    """Return how many km east and north of the centre a place is."""
    return (lon - CENTRE_LON) * KM_PER_DEGREE_LON, (lat - CENTRE_LAT) * KM_PER_DEGREE_LAT


def draw_geography(rng: np.random.Generator, stations: int) -> Geography:
    """Place ``stations`` stations in the neighbourhoods."""
    shares = np.array([place.share for place in NEIGHBOURHOODS])
    homes = rng.choice(len(NEIGHBOURHOODS), size=stations, p=shares / shares.sum())
    spots = np.empty((stations, 2))
    for index, home in enumerate(homes):
        spots[index] = _free_spot(rng, NEIGHBOURHOODS[home], spots[:index])
    names = {place.name: _names(place.name) for place in NEIGHBOURHOODS}
    placed = tuple(
        Station(
            station_id=str(uuid.UUID(bytes=rng.bytes(16), version=4)),
            short_name=f"{index + 1:03d}",
            name=next(names[NEIGHBOURHOODS[home].name]),
            region_id=NEIGHBOURHOODS[home].region_id,
            lat=latitude(float(north)),
            lon=longitude(float(east)),
            capacity=int(rng.integers(CAPACITIES[0], CAPACITIES[1] + 1)),
        )
        for index, (home, (east, north)) in enumerate(zip(homes, spots, strict=True))
    )
    distance_km = np.linalg.norm(spots[:, None, :] - spots[None, :, :], axis=2)
    return Geography(
        stations=placed,
        purposes=np.array([NEIGHBOURHOODS[home].purposes for home in homes]),
        distance_km=distance_km,
        nearest=np.argsort(distance_km, axis=1, kind="stable"),
    )


def _free_spot(
    rng: np.random.Generator, place: Neighbourhood, taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return a spot (east, north in km) on land, not too close to those taken if avoidable."""
    for _ in range(30):
        spot = rng.normal((place.east_km, place.north_km), place.radius_km)
        spot[0] = max(spot[0], SHORE_EAST_KM + rng.uniform(0, 0.3))
        if not len(taken) or np.linalg.norm(taken - spot, axis=1).min() > STATION_SPACING_KM:
            break
    return spot


def _names(neighbourhood: str) -> Iterator[str]:
    """Yield station names of a neighbourhood, without end and never the same twice."""
    for lap in count(1):
        suffix = f" {lap}" if lap > 1 else ""
        yield from (f"{neighbourhood} - {landmark}{suffix}" for landmark in LANDMARKS)
