"""Which hours of weather are asked for, and what of an answer lands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from pydantic import Field

from ingestion.attempt import Attempt
from ingestion.credentials import Credential
from ingestion.lake import Lake
from ingestion.source import Options
from ingestion.sources.weather.places import Place, first_seen
from ingestion.sources.weather.tables import WEATHER_HOURLY

VARIABLES = ("temperature_2m", "precipitation", "wind_speed_10m", "relative_humidity_2m")

Row = dict[str, object]


class WeatherOptions(Options):
    """`[source.weather]`.

    Attributes:
        url: of a service that speaks Open-Meteo's format; without one there is no weather.
        auth: how a secret is sent: `bearer`, `header:NAME` or `query:NAME`.
        secret: the name of the secret.
        interval_s: the least distance between two requests for a system.
        history_days: how far back the first request reaches at most.
        overlap_days: how far back each further one reaches: what is past is revised for a while.
        forecast_days: how many days after today are asked for.
        places: latitude and longitude of systems, where the middle of their stations is not meant.
    """

    url: str = ""
    auth: str = ""
    secret: str = ""
    interval_s: int = Field(3600, ge=60, le=86400)
    history_days: int = Field(90, ge=0, le=36500)
    overlap_days: int = Field(2, ge=0, le=30)
    forecast_days: int = Field(2, ge=0, le=14)
    places: dict[str, tuple[float, float]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """The hours of some UTC days, both included, at a system."""

    system_id: str
    place: Place
    from_on: date
    until_on: date

    def url(self, base: str) -> str:
        """Return the address to ask."""
        asked = {
            "latitude": self.place.lat,
            "longitude": self.place.lon,
            "hourly": ",".join(VARIABLES),
            "start_date": self.from_on.isoformat(),
            "end_date": self.until_on.isoformat(),
            "timezone": "UTC",
        }
        return f"{base}{'&' if '?' in base else '?'}{urlencode(asked, safe=',')}"


def last_answers(lake: Lake) -> dict[str, datetime]:
    """Return when the weather of each system was last told."""
    rows = lake.read(WEATHER_HOURLY, ["system_id", "fetched_at"], "error is null").to_pylist()
    rows.sort(key=lambda row: row["fetched_at"])
    return {row["system_id"]: row["fetched_at"] for row in rows}


def days_due(
    lake: Lake, system_id: str, last: datetime | None, now: datetime, options: WeatherOptions
) -> tuple[date, date] | None:
    """Return the first and the last UTC day to ask for; None while it is too early to ask again."""
    if last and now - last < timedelta(seconds=options.interval_s):
        return None
    today = now.astimezone(UTC).date()
    if last:
        begin = last.astimezone(UTC).date() - timedelta(days=options.overlap_days)
    else:
        seen = first_seen(lake, system_id)
        begin = min(seen.astimezone(UTC).date() if seen else today, today) - timedelta(days=1)
    earliest = today - timedelta(days=max(options.history_days, options.overlap_days))
    return max(begin, earliest), today + timedelta(days=options.forecast_days)


def row_of(request: Request, attempt: Attempt, credential: Credential | None) -> Row:
    """Return what lands of an attempt, whatever became of it."""
    body, error = attempt.body, attempt.error
    row: Row = {
        "system_id": request.system_id,
        "url": attempt.url,
        "lat": request.place.lat,
        "lon": request.place.lon,
        "from_on": request.from_on,
        "until_on": request.until_on,
        "requested_at": attempt.requested_at,
        "fetched_at": attempt.fetched_at,
        "http_status": attempt.http_status,
        "elapsed_ms": attempt.elapsed_ms,
    }
    if body is not None:
        shown = credential.hidden(body) if credential else body
        try:
            text = shown.decode()
        except UnicodeDecodeError:
            text, error = shown.decode("latin-1"), error or "not_utf8"
        if not body.strip():
            error = error or "empty_body"
        sha256 = hashlib.sha256(body).hexdigest()
        row |= {"sha256": sha256, "body_bytes": len(body), "body": text}
    named = f"{request.system_id}\n{request.from_on}\n{request.until_on}\n{row.get('sha256')}"
    moment = attempt.requested_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    digest = hashlib.sha256(named.encode()).hexdigest()[:16]
    return row | {"request_id": f"{moment}-{digest}", "error": error}
