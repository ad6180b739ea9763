"""The raw tables of GBFS, and how a row of a fetch is made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa

from ingestion.privacy import Protected, protect
from ingestion.raw import ITEMS, RawTable, Subject
from ingestion.sources.gbfs.feeds import PERSONAL
from mobilake.secrets import Secret

UTC_TIME = pa.timestamp("us", "UTC")

GBFS_FETCH = RawTable(
    name="gbfs_fetch",
    may_age=True,
    description="One row per attempt to fetch a feed, with the body as served.",
    columns=pa.schema(
        [
            pa.field("fetch_id", pa.string(), nullable=False),
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("feed", pa.string(), nullable=False),
            pa.field("url", pa.string()),
            pa.field("requested_at", UTC_TIME),
            pa.field("fetched_at", UTC_TIME, nullable=False),
            pa.field("http_status", pa.int32()),
            pa.field("elapsed_ms", pa.float64()),
            pa.field("etag", pa.string()),
            pa.field("sha256", pa.string()),
            pa.field("body_bytes", pa.int64()),
            pa.field("body", pa.string()),
            pa.field("error", pa.string()),
            pa.field("expected_interval_s", pa.int32()),
            pa.field("origin", pa.string(), nullable=False),
            pa.field("erased_at", UTC_TIME),
        ]
    ),
    key="fetch_id",
    subjects=(Subject("body", ITEMS),),
)

SYSTEM_REGISTRATION = RawTable(
    name="system_registration",
    description="One row per registration of a system; the latest one counts.",
    columns=pa.schema(
        [
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("url", pa.string()),
            pa.field("timezone", pa.string(), nullable=False),
            pa.field("poll_interval_s", pa.int32(), nullable=False),
            pa.field("registered_at", UTC_TIME, nullable=False),
            pa.field("language", pa.string()),
            pa.field("auth", pa.string()),
            pa.field("secret", pa.string()),
            pa.field("auth_hosts", pa.string()),
        ]
    ),
    row_group_rows=4096,
)


def fetch_id(system_id: str, feed: str, fetched_at: datetime, sha256: str | None) -> str:
    """Return the name of an attempt: its UTC time, then a hash, so that names sort by time."""
    moment = fetched_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    digest = hashlib.sha256(f"{system_id}\n{feed}\n{sha256}".encode()).hexdigest()
    return f"{moment}-{digest[:16]}"


def not_modified_id(system_id: str, feed: str, fetched_at: datetime, sha256: str | None) -> str:
    """Return the name of an attempt that was answered with 304: not that of the body it means."""
    return fetch_id(system_id, feed, fetched_at, f"304 {sha256}")


def body_columns(
    feed: str, body: bytes, key: Secret, hide: Callable[[bytes], bytes] = lambda served: served
) -> tuple[dict[str, object], Protected]:
    """Return what a row says of a body: hash and size as received, the text fit to land, an error.

    Bytes that are not UTF-8 are kept as Latin-1, which loses none of them, and said to be so.

    Args:
        hide: takes out of a body what must not stand in the lake.
    """
    error = None
    shown = hide(body)
    try:
        text = shown.decode("utf-8")
    except UnicodeDecodeError:
        text, error = shown.decode("latin-1"), "not_utf8"
    if not body.strip():
        error = "empty_body"
    kept = protect(text, PERSONAL.get(feed, {}), key)
    columns = {
        "sha256": hashlib.sha256(body).hexdigest(),
        "body_bytes": len(body),
        "body": kept.text,
        "error": "restricted" if kept.sealed else error,
    }
    return columns, kept
