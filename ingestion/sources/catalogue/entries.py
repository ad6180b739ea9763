"""A version of the catalogue, or a line of its history, as rows of `system_catalogue`."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from ingestion.dead_letters import Rejected
from ingestion.importer import Target, name_of
from ingestion.privacy import Protected
from ingestion.sources.catalogue.tables import SYSTEM_CATALOGUE

SYSTEM_ID, NAME, URL = "System ID", "Name", "Auto-Discovery URL"
LATEST_S = 253402300799
SCOPE = "catalogue"
HISTORY = Target(SYSTEM_CATALOGUE, "entry_id", SCOPE)
Row = dict[str, object]


@dataclass(frozen=True)
class Unread:
    """A line of the catalogue that names no system, with its number and text."""

    line: int
    text: str
    reason: str


@dataclass
class Listed:
    """The systems of a version of the catalogue, and the lines that name none."""

    rows: list[Row] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


def sha256_of(document: bytes) -> str:
    """Return what names the content of a version."""
    return hashlib.sha256(document).hexdigest()


def listed(document: bytes, as_of: datetime, origin: str) -> Listed:
    """Read a version of the catalogue: CSV with a header.

    Raises:
        ValueError: it is none: it has no column of ids, is not UTF-8 or lists nothing.
    """
    sha256 = sha256_of(document)
    reader = csv.DictReader(io.StringIO(document.decode("utf-8-sig"), newline=""))
    found = Listed()
    try:
        if SYSTEM_ID not in (reader.fieldnames or ()):
            raise ValueError(f"its header has no column {SYSTEM_ID!r}")
        for position, served in enumerate(reader, start=1):
            ragged = None in served or None in served.values()
            system_id = (served.get(SYSTEM_ID) or "").strip()
            if ragged or not system_id:
                text = ",".join(_texts(served))
                reason = "more or fewer values than columns" if ragged else "names no system"
                found.unread.append(Unread(reader.line_num, text, reason))
                continue
            found.rows.append(
                {
                    "entry_id": name_of(as_of.isoformat(), sha256, str(position)),
                    "catalogue_system_id": system_id,
                    "kind": "list",
                    "position": position,
                    "entry": _entry(served),
                    "as_of": as_of,
                    "document_sha256": sha256,
                    "origin": origin,
                }
            )
    except csv.Error as error:
        raise ValueError(f"it is no CSV ({error})") from None
    if not found.rows:
        raise ValueError("it lists no system")
    return found


def read_change(line: bytes, origin: str, position: int) -> Mapping[str, object]:
    """Return the row of a line of history: when which system was entered, changed or removed.

    Raises:
        Rejected: it is none.
    """
    try:
        change: Any = orjson.loads(line)
        moment, kind, system_id = change["commit_ts"], change["op"], change["system_id"]
        if type(moment) is not int or not 0 <= moment <= LATEST_S:
            raise ValueError("commit_ts is no time")
        if kind not in ("upsert", "delete"):
            raise ValueError("op is neither upsert nor delete")
        if not isinstance(system_id, str) or not system_id.strip():
            raise ValueError("it names no system")
        served = change.get("row") or {}
        if not isinstance(served, dict) or (kind == "upsert" and not served):
            raise ValueError("row is no entry of the catalogue")
        entry = _entry(served)
    except orjson.JSONDecodeError:
        raise _rejected("not JSON", line) from None
    except (KeyError, TypeError) as error:
        raise _rejected(
            f"lacks {error}" if isinstance(error, KeyError) else "no object", line
        ) from None
    except ValueError as error:
        raise _rejected(str(error), line) from None
    return {
        "entry_id": name_of(str(moment), kind, system_id, entry),
        "catalogue_system_id": system_id.strip(),
        "kind": kind,
        "entry": entry,
        "as_of": datetime.fromtimestamp(moment, UTC),
        "origin": f"import:{origin}",
    }


def _entry(served: Mapping[str, Any]) -> str:
    texts = {str(name).strip(): value for name, value in served.items() if name is not None}
    try:
        return orjson.dumps(texts, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:
        raise ValueError("row is nested too deeply") from None


def _texts(served: Mapping[Any, Any]) -> list[str]:
    texts = []
    for value in served.values():
        texts += value if isinstance(value, list) else [] if value is None else [str(value)]
    return texts


def _rejected(reason: str, line: bytes) -> Rejected:
    return Rejected(reason, Protected(line.decode("utf-8", "backslashreplace")))
