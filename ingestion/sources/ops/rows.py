"""Rows of a database as they may land: as text, ids as pseudonyms, with a key and a hash."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.privacy import HASH, pseudonym
from ingestion.sources.ops.tables import STAMP, OpsTable
from mobilake.secrets import Secret

UNIT = "\x1f"


@dataclass(frozen=True)
class Reader:
    """How the rows of a table are read: whose they are, in which zone, with which key.

    Attributes:
        names: the database's name of each column that it has, by ours.
    """

    table: OpsTable
    system_id: str
    names: Mapping[str, str]
    zone: ZoneInfo
    key: Secret
    _pseudonyms: dict[str, str] = field(default_factory=dict, compare=False)

    def row(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a row as it may land, or None where nothing names it."""
        texts = {ours: self._value(ours, values[theirs]) for ours, theirs in self.names.items()}
        row_id = self._row_id(texts)
        if row_id is None:
            return None
        said = [f"{name}={texts.get(name) or ''}" for name in self.table.read]
        identity = {"row_id": row_id, "system_id": self.system_id, "is_deleted": False}
        return texts | identity | {"row_hash": _hash(said)}

    def listed(self, values: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """Return the id and the stamp of a row, of which only key and stamp were read."""
        key = {name: self._value(name, values[self.names[name]]) for name in self.table.key}
        stamp = self._value(STAMP, values[self.names[STAMP]]) if STAMP in self.names else None
        return self._row_id(key), stamp

    def tombstone(self, row_id: str) -> dict[str, Any]:
        """Return what lands of a row that is gone."""
        gone = {"row_id": row_id, "system_id": self.system_id, "is_deleted": True}
        return gone | {"row_hash": _hash([row_id, "gone"])}

    def _value(self, name: str, value: Any) -> str | None:
        text = as_text(value, self.zone, is_time=name in self.table.times)
        if text is None or self.table.columns[name] != HASH:
            return text
        if text not in self._pseudonyms:
            self._pseudonyms[text] = pseudonym(text, self.key)
        return self._pseudonyms[text]

    def _row_id(self, texts: Mapping[str, str | None]) -> str | None:
        parts = [texts[name] for name in self.table.key]
        return _hash([self.system_id, *map(str, parts)]) if all(parts) else None


def as_text(value: Any, zone: ZoneInfo, *, is_time: bool) -> str | None:
    """Return a value of a database as text, the same for the same value in any dialect.

    A time is UTC with microseconds, so that such texts sort as the times do; what is meant for
    one but cannot be read is left as it is. Numbers without a fraction have none.
    """
    if value is None:
        return None
    if type(value) is str and not is_time:
        return value.strip() or None
    moment = _moment(value, zone) if is_time or isinstance(value, datetime) else None
    if moment:
        return f"{moment.isoformat(timespec='microseconds')[:-6]}Z"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).hex()
    return str(value).strip() or None


def _moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """Return a time, or seconds since 1970, in UTC; None where it is neither."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return datetime.fromtimestamp(float(value), UTC)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not isinstance(value, datetime):
            return None
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _hash(parts: list[str]) -> str:
    return hashlib.sha256(UNIT.join(parts).encode()).hexdigest()[:32]
