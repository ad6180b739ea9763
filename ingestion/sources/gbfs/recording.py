"""A line of a recording as a row of `gbfs_fetch`.

A line is `{"fetched_at", "body"}` with the document as it was served. A recorder that kept failed
attempts too adds `"http_status"`, and if it likes `"url"` and `"etag"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from ingestion.attempt import without_secrets
from ingestion.dead_letters import Rejected
from ingestion.importer import Target
from ingestion.privacy import Protected, seal
from ingestion.sources.gbfs.feeds import PERSONAL
from ingestion.sources.gbfs.tables import GBFS_FETCH, body_columns, fetch_id, not_modified_id
from mobilake.secrets import Secret

NOT_MODIFIED = 304


@dataclass(frozen=True)
class Recording:
    """What is imported: whose feed, how often it was asked, and the key of the pseudonyms."""

    system_id: str
    feed: str
    interval_s: int
    key: Secret

    @property
    def target(self) -> Target:
        """Where its lines land."""
        return Target(GBFS_FETCH, "fetch_id", f"gbfs:{self.system_id}:{self.feed}")

    def read_line(self, line: bytes, origin: str, position: int) -> Mapping[str, object]:
        """Return a line as a row of `gbfs_fetch`, or reject it with the reason."""
        try:
            record = orjson.loads(line)
            fetched_at, body = moment_of(record["fetched_at"]), _as_served(record["body"])
        except orjson.JSONDecodeError:
            raise self._rejected("not JSON", line) from None
        except (KeyError, TypeError):
            raise self._rejected('not of the form {"fetched_at", "body"}', line) from None
        except ValueError:
            raise self._rejected("fetched_at is no time with a zone", line) from None
        try:
            status, answer = _answer(record)
        except ValueError as error:
            raise self._rejected(str(error), line) from None
        if status == NOT_MODIFIED:
            columns, named = {"sha256": record.get("sha256")}, not_modified_id
        else:
            columns, named = self._body_columns(body, status, line), fetch_id
        return {
            **columns,
            **answer,
            "fetch_id": named(self.system_id, self.feed, fetched_at, str(columns["sha256"])),
            "system_id": self.system_id,
            "feed": self.feed,
            "fetched_at": fetched_at,
            "expected_interval_s": self.interval_s,
            "origin": f"import:{origin}",
        }

    def _body_columns(self, body: bytes, status: int | None, line: bytes) -> dict[str, object]:
        columns, _ = body_columns(self.feed, body, self.key)
        if status is not None and not 200 <= status < 300:
            return columns | {"error": f"http_{status}"}
        if columns["error"] == "restricted":
            raise self._rejected("body of a personal feed is not JSON", line)
        return columns

    def _rejected(self, reason: str, line: bytes) -> Rejected:
        """A rejected line of a personal feed is sealed: its body may be text, ids and all."""
        text = line.decode("utf-8", "backslashreplace")
        if self.feed in PERSONAL:
            return Rejected(reason, Protected(None, seal(text, self.key)))
        return Rejected(reason, Protected(text))


def moment_of(text: object) -> datetime:
    """Return a time with a zone as UTC.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(text, str):
        raise ValueError("a time is text")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time is in the years 1 to 9999 of UTC") from None


def _answer(record: Mapping[str, Any]) -> tuple[int | None, dict[str, object]]:
    """Return the status of an answer and what else is known of it, where the recorder kept that.

    Raises:
        ValueError: it cannot be; the text is the reason.
    """
    status, sha256 = record.get("http_status"), record.get("sha256")
    if status is not None and (type(status) is not int or not 100 <= status <= 599):
        raise ValueError("http_status is no status of HTTP")
    if status == NOT_MODIFIED and record["body"]:
        raise ValueError("an answer of 304 has no body")
    if status == NOT_MODIFIED and sha256 is not None and not _is_hash(sha256):
        raise ValueError("sha256 is no hash in hexadecimal")
    kept = {name: record.get(name) for name in ("url", "etag")}
    for name, value in kept.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} is no text")
    url = kept["url"]
    return status, {
        "http_status": status,
        "etag": kept["etag"],
        "url": None if url is None else without_secrets(url),
    }


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _as_served(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, dict | list):
        return orjson.dumps(body)
    if body is None:
        return b""
    raise TypeError("a body is a document")
