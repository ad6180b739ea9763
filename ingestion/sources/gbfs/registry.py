"""Which systems are archived: registrations in the lake, the latest of each system counting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion.lake import Lake, rows_of
from ingestion.sources.gbfs.tables import SYSTEM_REGISTRATION
from mobilake.errors import MobilakeError

POLL_INTERVAL_S = 60
_SECRET = re.compile(r"key|token|secret|password|auth", re.IGNORECASE)
_COLUMNS = ["system_id", "url", "timezone", "poll_interval_s", "registered_at"]


@dataclass(frozen=True)
class System:
    """A registered system; `url` is its `gbfs.json`, None where only recorded history is known."""

    system_id: str
    url: str | None
    timezone: str
    poll_interval_s: int = POLL_INTERVAL_S


def systems(lake: Lake) -> dict[str, System]:
    """Return the registered systems by id."""
    rows = lake.read(SYSTEM_REGISTRATION, _COLUMNS).to_pylist()
    rows.sort(key=lambda row: row["registered_at"])
    return {row["system_id"]: System(**{name: row[name] for name in _COLUMNS[:-1]}) for row in rows}


def register(lake: Lake, system: System, registered_at: datetime) -> None:
    """Register a system, or change what is known of it.

    Raises:
        MobilakeError: the id or the time zone cannot be one.
    """
    check_system_id(system.system_id)
    check_timezone(system.timezone)
    check_url(system.url)
    lake.append(
        SYSTEM_REGISTRATION,
        rows_of(SYSTEM_REGISTRATION, [{**vars(system), "registered_at": registered_at}]),
    )


def check_system_id(system_id: str) -> None:
    """Refuse an id that could not stand in a file name or a URL."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", system_id):
        raise MobilakeError(
            f"{system_id!r} cannot be a system's id: use letters, digits, '.', '_' and '-'."
        )


def check_url(url: str | None) -> None:
    """Refuse an address that holds a secret: the lake would show it to whoever reads it."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        raise MobilakeError(f"{url} is no address that can be asked: check it.") from None
    secret = next((name for name, _ in parse_qsl(parts.query) if _SECRET.search(name)), None)
    if parts.password or secret:
        raise MobilakeError(
            f"The address holds a secret ({secret or 'a password'}), which would stand readable in "
            "the lake: Mobilake cannot ask feeds that need one yet."
        )


def check_timezone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MobilakeError(
            f"{name!r} is no IANA time zone: write one such as Europe/Oslo."
        ) from None
