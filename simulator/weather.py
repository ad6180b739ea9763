"""Hourly weather by a first-order autoregressive process, and what riders think of it."""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

WARMTH_MEMORY, WARMTH_NOISE_C = 0.97, 0.55
WETNESS_MEMORY, WETNESS_NOISE = 0.90, 0.436
RAIN_THRESHOLD, RAIN_MM_PER_WETNESS = 1.15, 2.4
COMFORT_C = 22.0


@dataclass(frozen=True, slots=True)
class Front:
    """What tomorrow's weather inherits: degrees above normal, and wetness (standard normal)."""

    warmth_c: float = 0.0
    wetness: float = 0.0


@dataclass(frozen=True, slots=True)
class WeatherDay:
    """The 24 UTC hours of a day: temperature in degrees Celsius, rain in millimetres.

    Of wind (kilometres an hour) and humidity (percent) riders think nothing.
    """

    temperature_c: npt.NDArray[np.float64]
    rain_mm: npt.NDArray[np.float64]
    wind_kmh: npt.NDArray[np.float64]
    humidity_pct: npt.NDArray[np.float64]

    def appetite(self) -> npt.NDArray[np.float64]:
        """Return the share of riders, by hour, who still ride in this weather."""
        chill = ((self.temperature_c - COMFORT_C) / 30.0) ** 2
        return np.clip(1.0 - chill, 0.3, 1.0) * np.exp(-0.5 * np.minimum(self.rain_mm, 3.0))


def draw_weather(rng: np.random.Generator, day: date, front: Front) -> tuple[WeatherDay, Front]:
    """Continue the weather for one day; return it and what it leaves behind."""
    season = 16.5 - 5.5 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 25) / 365.25)
    warmth, wetness = front.warmth_c, front.wetness
    temperature_c, rain_mm = np.empty(24), np.empty(24)
    for hour, (warming, wetting) in enumerate(rng.normal(size=(24, 2))):
        warmth = WARMTH_MEMORY * warmth + WARMTH_NOISE_C * warming
        wetness = WETNESS_MEMORY * wetness + WETNESS_NOISE * wetting
        daily = -3.5 * math.cos(2 * math.pi * (hour - 3) / 24)
        temperature_c[hour] = season + daily + warmth
        rain_mm[hour] = max(0.0, wetness - RAIN_THRESHOLD) * RAIN_MM_PER_WETNESS
    rain_mm = np.round(rain_mm, 1)
    wind_kmh, humidity_pct = _air(day, rain_mm)
    day_weather = WeatherDay(np.round(temperature_c, 1), rain_mm, wind_kmh, humidity_pct)
    return day_weather, Front(float(warmth), float(wetness))


def _air(
    day: date, rain_mm: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return wind and humidity of a day: breezes of its own, damp where it rains."""
    rng = np.random.default_rng([13, day.toordinal()])
    wind_kmh, humidity_pct = np.abs(rng.normal(12.0, 8.0, size=24)), rng.normal(65.0, 10.0, size=24)
    humidity_pct = np.clip(humidity_pct + 20.0 * (rain_mm > 0.0), 20.0, 100.0)
    return wind_kmh.round(1), humidity_pct.round()
