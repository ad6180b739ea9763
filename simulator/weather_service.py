"""The city's weather over HTTP, in Open-Meteo's format: hours that are past, and a forecast.

What is past is told at once, a little off, and put right some hours later. The further ahead an
hour lies, the further off its forecast. At some hours the service errs for good.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np

from simulator.city import City
from simulator.moments import DAY_S, day_of, days_between, midnight, to_datetime

HOUR_S = 3_600
SETTLED_S = 6 * HOUR_S
"""So long after an hour began it is told as it was."""

FORECAST_DAYS = 3
MISSING, ABSENT, ABSURD = "null", "missing_hour", "absurd"
ABSURD_VALUE = -9999.0
KINDS = (MISSING, ABSENT, ABSURD)
"""What the service does wrong with an hour: no temperature, no hour at all, nonsense throughout."""

UNITS = {
    "temperature_2m": "°C",
    "precipitation": "mm",
    "wind_speed_10m": "km/h",
    "relative_humidity_2m": "%",
}


def weather_faults(city: City, day: date) -> dict[int, str]:
    """Return the seconds at which hours of a UTC day begin that the service errs at, and how."""
    rng = np.random.default_rng([city.seed, 11, day.toordinal()])
    hours = rng.choice(np.arange(1, 23), size=len(KINDS), replace=False)
    return {
        midnight(day) + HOUR_S * int(hour): kind for hour, kind in zip(hours, KINDS, strict=True)
    }


def forecast(
    city: City, now: int, from_on: date, until_on: date, asked: list[str], *, has_faults: bool
) -> dict[str, Any]:
    """Return the document for the hours of some UTC days, as told at second ``now``.

    Precipitation is that of the hour before, all else that of the moment, as Open-Meteo has it.

    Raises:
        KeyError: a variable is asked for that the service does not know.
    """
    last = min(until_on, day_of(now) + timedelta(days=FORECAST_DAYS))
    days = days_between(max(from_on, city.started_on), last)
    hours = [midnight(day) + HOUR_S * hour for day in days for hour in range(24)]
    wrong: dict[int, str] = {}
    for day in days if has_faults else ():
        wrong |= weather_faults(city, day)
    hours = [at for at in hours if wrong.get(at) != ABSENT]
    told = [_told(city, now, at, wrong.get(at)) for at in hours]
    return {
        "latitude": 0.0,
        "longitude": 0.0,
        "utc_offset_seconds": 0,
        "timezone": "UTC",
        "timezone_abbreviation": "UTC",
        "hourly_units": {"time": "iso8601"} | {name: UNITS[name] for name in asked},
        "hourly": {"time": [to_datetime(at).strftime("%Y-%m-%dT%H:%M") for at in hours]}
        | {name: [values[name] for values in told] for name in asked},
    }


def _told(city: City, now: int, at: int, fault: str | None) -> Mapping[str, float | None]:
    if fault == ABSURD:
        return dict.fromkeys(UNITS, ABSURD_VALUE)
    weather, hour = city.day(day_of(at)).weather, at % DAY_S // HOUR_S
    before = at - HOUR_S
    rain = 0.0
    if day_of(before) >= city.started_on:
        rain = float(city.day(day_of(before)).weather.rain_mm[before % DAY_S // HOUR_S])
    off = _error(city, now, at)
    return {
        "temperature_2m": None
        if fault == MISSING
        else round(float(weather.temperature_c[hour]) + 1.5 * off, 1),
        "precipitation": round(max(0.0, rain * (1.0 + off)), 1),
        "wind_speed_10m": round(max(0.0, float(weather.wind_kmh[hour]) + 4.0 * off), 1),
        "relative_humidity_2m": float(weather.humidity_pct[hour]),
    }


def _error(city: City, now: int, at: int) -> float:
    """Return how far off an hour is told: nothing once it is settled, more the later it comes."""
    age_s = now - at
    if age_s >= SETTLED_S:
        return 0.0
    rng = np.random.default_rng([city.seed, 12, at // HOUR_S, now // HOUR_S])
    lead_h = max(0.0, -age_s / HOUR_S)
    return float(rng.normal()) * (0.2 + 0.03 * lead_h)
