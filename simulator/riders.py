"""What riders want: when, from where, to where. Whether they get it is for the simulation."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from simulator.geography import Geography
from simulator.moments import midnight, to_datetime
from simulator.weather import WeatherDay

TIMEZONE = "Europe/Lisbon"
REQUESTS_PER_BIKE_DAY = 6.4
"""In perfect weather; weather and empty stations bring it to about five trips."""
GRAVITY_KM = 1.8
SHORTEST_RIDE_KM = 0.3
ELECTRIC_PREFERENCE = 0.35
LEISURELY_SHARE = 0.03
SPEED_KMH = {False: 11.5, True: 14.5}
DETOUR = 1.3
UNLOCK_S = 75

WEEKDAY_HOURS = np.array(
    [
        0.6, 0.3, 0.2, 0.2, 0.2, 0.6, 2.2, 5.5, 8.5, 5.5, 3.8, 4.2,
        5.6, 5.6, 4.6, 4.8, 6.2, 9.2, 9.5, 7.0, 5.0, 3.6, 2.4, 1.4,
    ]
)  # fmt: skip
WEEKEND_HOURS = 0.85 * np.array(
    [
        1.6, 1.0, 0.6, 0.4, 0.3, 0.4, 0.8, 1.6, 3.0, 4.8, 6.2, 7.2,
        7.4, 7.2, 7.4, 7.6, 7.4, 7.0, 6.2, 5.2, 4.2, 3.4, 2.8, 2.2,
    ]
)  # fmt: skip
HOURLY_SHARE = {
    False: WEEKDAY_HOURS / WEEKDAY_HOURS.sum(),
    True: WEEKEND_HOURS / WEEKDAY_HOURS.sum(),
}


@dataclass(frozen=True, slots=True)
class Pull:
    """How much living, working and leisure places send out and draw in at a time of day."""

    out: tuple[float, float, float]
    into: tuple[float, float, float]


TO_WORK = Pull(out=(1.0, 0.40, 0.40), into=(0.40, 1.0, 0.45))
TO_HOME = Pull(out=(0.45, 1.0, 0.60), into=(1.0, 0.42, 0.65))
TO_LEISURE = Pull(out=(0.80, 0.30, 0.80), into=(0.50, 0.30, 1.0))
ABOUT_TOWN = Pull(out=(0.60, 0.60, 0.60), into=(0.60, 0.60, 0.60))


@dataclass(frozen=True, slots=True)
class Requests:
    """The N wishes to ride of one day, in order of time; each field has N items.

    Attributes:
        at: second of the wish.
        origin: index of the station where the rider stands.
        destination: index of the station where the rider wants to go.
        electric: whether an electric bike would be taken first.
        luck: uniform in [0, 1), chooses among the bikes that are there.
        pace: factor on the usual duration.
    """

    at: list[int]
    origin: list[int]
    destination: list[int]
    electric: list[bool]
    luck: list[float]
    pace: list[float]


def draw_requests(
    rng: np.random.Generator, geography: Geography, fleet: int, day: date, weather: WeatherDay
) -> Requests:
    """Draw the wishes of one UTC day for a city with ``fleet`` bikes."""
    kernel = np.exp(-geography.distance_km / GRAVITY_KM)
    kernel[geography.distance_km < SHORTEST_RIDE_KM] *= 0.05
    np.fill_diagonal(kernel, 0.0)
    appetite = weather.appetite()
    hours = []
    for hour in range(24):
        local = local_time(midnight(day) + 3_600 * hour)
        weekend = local.weekday() >= 5
        expected = HOURLY_SHARE[weekend][local.hour] * appetite[hour] * fleet
        count = int(rng.poisson(REQUESTS_PER_BIKE_DAY * expected))
        at = np.sort(rng.integers(0, 3_600, size=count)) + midnight(day) + 3_600 * hour
        pull = pull_at(local.hour, weekend=weekend)
        drawn_in = geography.purposes @ np.array(pull.into)
        sent_out = geography.purposes @ np.array(pull.out)
        origin = rng.choice(len(sent_out), size=count, p=sent_out / sent_out.sum())
        destination = _choose(rng, kernel[origin] * drawn_in)
        hours.append((at, origin, destination))
    at, origin, destination = (np.concatenate(column) for column in zip(*hours, strict=True))
    pace = rng.lognormal(0.0, 0.22, size=len(at))
    pace[rng.random(len(at)) < LEISURELY_SHARE] *= 3.0
    return Requests(
        at=at.tolist(),
        origin=origin.tolist(),
        destination=destination.tolist(),
        electric=(rng.random(len(at)) < ELECTRIC_PREFERENCE).tolist(),
        luck=rng.random(len(at)).tolist(),
        pace=pace.tolist(),
    )


def pull_at(hour: int, *, weekend: bool) -> Pull:
    """Return where people come from and go to at a local hour of the day."""
    if weekend:
        return TO_LEISURE if 9 <= hour < 17 else TO_HOME if hour < 4 or hour >= 17 else ABOUT_TOWN
    if 6 <= hour < 10:
        return TO_WORK
    return TO_HOME if hour >= 16 or hour < 3 else ABOUT_TOWN


def ride_seconds(distance_km: float, *, electric: bool, pace: float) -> int:
    """Return how long a ride takes, at most three hours."""
    riding = 3_600 * DETOUR * distance_km / SPEED_KMH[electric]
    return min(UNLOCK_S + int(riding * pace), 10_800)


def local_time(at: int) -> datetime:
    """Return a second as the city's clocks show it."""
    return to_datetime(at).astimezone(ZoneInfo(TIMEZONE))


def _choose(rng: np.random.Generator, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Choose one column per row, with chances in proportion to its weights, of shape (N, S)."""
    ladder = weights.cumsum(axis=1)
    aim = rng.random((len(weights), 1)) * ladder[:, -1:]
    return np.asarray(np.count_nonzero(ladder <= aim, axis=1), dtype=np.int64)
