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
    """The 24 UTC hours of a day: temperature in degrees Celsius, rain in millimetres."""

    temperature_c: npt.NDArray[np.float64]
    rain_mm: npt.NDArray[np.float64]

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
    day_weather = WeatherDay(np.round(temperature_c, 1), np.round(rain_mm, 1))
    return day_weather, Front(float(warmth), float(wetness))
