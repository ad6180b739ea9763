"""An attempt at a feed as a row of `gbfs_fetch`."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.attempt import Attempt
from ingestion.credentials import Credential
from ingestion.sources.gbfs.registry import System
from ingestion.sources.gbfs.tables import body_columns, fetch_id, not_modified_id
from mobilake.secrets import Secret

Row = dict[str, object]


@dataclass(frozen=True)
class Rows:
    """The row of an attempt, and that of `restricted` where its body had to be sealed."""

    fetched: Row
    sealed: Row | None

    @property
    def error(self) -> str | None:
        """Why there is no usable answer."""
        error = self.fetched["error"]
        return None if error is None else str(error)


def rows_of_attempt(
    system: System,
    feed: str,
    attempt: Attempt,
    pace_s: float,
    key: Secret,
    credential: Credential | None = None,
    held_sha256: str | None = None,
) -> Rows:
    """Return what of an attempt lands.

    Args:
        pace_s: the distance of polls that is aimed at.
        key: of the pseudonyms.
        credential: what was sent, which a server may echo.
        held_sha256: the hash of the body that an answer of 304 stands for.
    """
    columns: Row = {}
    sealed = None
    if attempt.body is not None:
        hide = credential.hidden if credential else lambda served: served
        columns, kept = body_columns(feed, attempt.body, key, hide)
        sealed = kept.sealed
    elif attempt.is_not_modified:
        columns = {"sha256": held_sha256}
    named = not_modified_id if attempt.is_not_modified else fetch_id
    sha256 = columns.get("sha256")
    name = named(system.system_id, feed, attempt.requested_at, str(sha256))
    etag = attempt.validators.etag
    fetched: Row = {
        **columns,
        "fetch_id": name,
        "system_id": system.system_id,
        "feed": feed,
        "url": attempt.url,
        "requested_at": attempt.requested_at,
        "fetched_at": attempt.fetched_at,
        "http_status": attempt.http_status,
        "elapsed_ms": attempt.elapsed_ms,
        "etag": None if etag and credential and credential.is_in(etag) else etag,
        "error": attempt.error or columns.get("error"),
        "expected_interval_s": max(1, round(pace_s)),
        "origin": "poll",
    }
    if not sealed:
        return Rows(fetched, None)
    return Rows(fetched, {"reference_id": name, "origin": "poll", "sealed": sealed})
