"""An event as a device sends it, and as it may land.

An event is a JSON object with `event_id`, `device_kind` (`station`, `dock` or `vehicle`),
`device_id`, `event_type` and `occurred_at`. It may have `received_at`, `station_id` (also the
number on the street) and `vehicle_id`. All other members are its attributes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import orjson

from ingestion.privacy import HASH, Protected, protect, protect_document, pseudonym, seal
from ingestion.sources.gbfs.feeds import PERSONAL
from ingestion.sources.gbfs.recording import moment_of
from mobilake.secrets import Secret

Event = dict[str, object]

PLACES = ("station", "dock")
KINDS = (*PLACES, "vehicle")
MEMBERS = frozenset(
    (
        *("event_id", "device_kind", "device_id", "event_type", "occurred_at", "received_at"),
        *("station_id", "vehicle_id"),
    )
)
_in_order = itemgetter(
    *("attributes", "device_id", "device_kind", "event_id", "event_type", "occurred_at"),
    *("received_at", "station_ref", "vehicle_id"),
)
EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)
FURTHEST_AHEAD = timedelta(days=1)
LONGEST_ID = 200
LONGEST_ATTRIBUTES = 65_536

_PERSONAL = PERSONAL["vehicle_status"]
_REJECTED = {name: how for name, how in _PERSONAL.items() if name != "device_id"}


class _Wrong(Exception):
    """Why a document is no event."""


def event_of(
    document: Any, key: Secret, now: datetime, received_at: datetime | None = None
) -> Event | str:
    """Return an event as it may land, or the reason why the document is none.

    Ids of vehicles are pseudonyms, and so is the id of an event that holds one; of the attributes,
    what may tell of a person is hashed or dropped. A type that is not known is as good as any.

    Args:
        document: any JSON value.
        key: of the pseudonyms.
        now: an event of the future is absurd; aware UTC.
        received_at: when it was received, if that was not long ago: what the document says of it
            does not count then.
    """
    if not isinstance(document, dict):
        return "no JSON object"
    try:
        return _event(document, key, now, received_at)
    except _Wrong as wrong:
        return str(wrong)


def rejected(line: bytes, document: Any, key: Secret) -> Protected:
    """Return what may be kept of a line that holds no event: sealed, where it is no object."""
    text = line.decode("utf-8", "backslashreplace")
    if not isinstance(document, dict):
        return Protected(None, seal(text, key))
    fields, shown = dict(_REJECTED), document
    if document.get("device_kind") not in PLACES:
        fields["device_id"] = HASH
    if isinstance(document.get("event_id"), str | int):
        shown = document | {"event_id": _event_id(str(document["event_id"]), document, key)}
    try:
        return protect(orjson.dumps(shown).decode(), fields, key)
    except orjson.JSONEncodeError:
        return Protected(None, seal(text, key))


def row_of(event: Event, system_id: str, source: str, position: str) -> dict[str, object]:
    """Return an event as a row of `device_event`; the same delivery has the same name.

    Args:
        source: how it came, such as `import`.
        position: where it stood there.
    """
    moment = event["received_at"] or event["occurred_at"]
    assert isinstance(moment, datetime)
    told = "\x1f".join([system_id, *map(str, _in_order(event))])
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    stamp = moment.isoformat(timespec="microseconds")[:26].replace("-", "").replace(":", "")
    return event | {
        "delivery_id": f"{stamp}Z-{digest}",
        "system_id": system_id,
        "source": source,
        "source_position": position,
    }


def _event(
    document: Mapping[str, Any], key: Secret, now: datetime, received_at: datetime | None
) -> Event:
    kind = document.get("device_kind")
    if kind is None:
        raise _Wrong("device_kind is missing")
    if kind not in KINDS:
        raise _Wrong(f"device_kind is none of {', '.join(KINDS)}")
    event_id, device_id, event_type = (
        _required(document, name) for name in ("event_id", "device_id", "event_type")
    )
    received_at = received_at or _moment(document, "received_at", now)
    occurred_at = _moment(document, "occurred_at", received_at or now)
    if occurred_at is None:
        raise _Wrong("occurred_at is missing")
    vehicle_id = _id(document, "vehicle_id")
    station_ref = _id(document, "station_id")
    return {
        "event_id": _event_id(event_id, document, key),
        "device_kind": kind,
        "device_id": device_id if kind in PLACES else pseudonym(device_id, key),
        "event_type": event_type,
        "station_ref": device_id if kind == "station" else station_ref,
        "vehicle_id": None if vehicle_id is None else pseudonym(vehicle_id, key),
        "occurred_at": occurred_at,
        "received_at": received_at,
        "attributes": _attributes(document, key),
    }


def _event_id(event_id: str, document: Mapping[str, Any], key: Secret) -> str:
    """Return the id of an event; as a whole another one if the id of a vehicle stands in it."""
    names = [document.get("vehicle_id")]
    if document.get("device_kind") not in PLACES:
        names.append(document.get("device_id"))
    told = any(name and name in event_id for name in map(_as_id, names))
    return pseudonym(event_id, key) if told else event_id


def _required(document: Mapping[str, Any], name: str) -> str:
    value = _id(document, name)
    if value is None:
        raise _Wrong(f"{name} is missing")
    return value


def _id(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    text = _as_id(value)
    if value is not None and not text:
        raise _Wrong(f"{name} is no id")
    return text


def _as_id(value: Any) -> str | None:
    """Return a short text or a whole number as an id; None where it is none."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    if isinstance(value, str) and len(value) <= LONGEST_ID and value.isprintable():
        return value.strip()
    return None


def _moment(document: Mapping[str, Any], name: str, known_until: datetime) -> datetime | None:
    value = document.get(name)
    if value is None:
        return None
    try:
        moment = moment_of(value)
    except ValueError:
        raise _Wrong(f"{name} is no time with a zone") from None
    if not EARLIEST <= moment <= known_until + FURTHEST_AHEAD:
        raise _Wrong(f"{name} is absurd")
    return moment


def _attributes(document: Mapping[str, Any], key: Secret) -> str | None:
    others = {name: value for name, value in document.items() if name not in MEMBERS}
    if not others:
        return None
    kept = protect_document(others, _PERSONAL, key)
    if kept is None:
        raise _Wrong("its attributes are nested too deeply")
    if len(kept) > LONGEST_ATTRIBUTES:
        raise _Wrong("its attributes are too long")
    return kept
