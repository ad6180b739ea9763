"""One poll of a system: its index, then every feed listed there; one row per attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio
import httpx
import orjson

from ingestion.http import Attempt, fetch, new_client
from ingestion.sources.gbfs.feeds import INDEX, listed_feeds
from ingestion.sources.gbfs.registry import System
from ingestion.sources.gbfs.tables import body_columns, fetch_id
from mobilake.secrets import Secret
from mobilake.settings import Http

Row = dict[str, object]


@dataclass(frozen=True)
class Poller:
    """What a poll needs: limits, the clock, and the key of the pseudonyms."""

    limits: Http
    clock: Callable[[], datetime]
    key: Secret

    def poll(self, systems: list[System]) -> tuple[list[Row], list[Row]]:
        """Poll all systems side by side; return rows for `gbfs_fetch` and for `restricted`."""
        return anyio.run(self._poll, systems)

    async def _poll(self, systems: list[System]) -> tuple[list[Row], list[Row]]:
        fetches: list[Row] = []
        restricted: list[Row] = []
        limiter = anyio.CapacityLimiter(self.limits.concurrency)
        async with new_client(self.limits) as client, anyio.create_task_group() as group:

            async def take(system: System, feed: str, url: str) -> bytes | None:
                async with limiter:
                    attempt = await fetch(client, url, self.limits, self.clock)
                row, sealed = self._row(system, feed, attempt)
                fetches.append(row)
                restricted.extend(sealed)
                return attempt.body if attempt.error is None else None

            async def take_all(system: System) -> None:
                index = await take(system, INDEX, str(system.url))
                for feed, url in listed_feeds(parsed(index)).items():
                    group.start_soon(take, system, feed, url)

            for system in systems:
                group.start_soon(take_all, system)
        return fetches, restricted

    def _row(self, system: System, feed: str, attempt: Attempt) -> tuple[Row, list[Row]]:
        columns: Row = {}
        sealed: list[Row] = []
        if attempt.body is not None:
            columns, kept = body_columns(feed, attempt.body, self.key)
        name = fetch_id(system.system_id, feed, attempt.requested_at, str(columns.get("sha256")))
        if attempt.body is not None and kept.sealed:
            sealed = [{"reference_id": name, "origin": "poll", "sealed": kept.sealed}]
        row: Row = {
            **columns,
            "fetch_id": name,
            "system_id": system.system_id,
            "feed": feed,
            "url": attempt.url,
            "requested_at": attempt.requested_at,
            "fetched_at": attempt.fetched_at,
            "http_status": attempt.http_status,
            "elapsed_ms": attempt.elapsed_ms,
            "etag": attempt.etag,
            "error": attempt.error or columns.get("error"),
            "expected_interval_s": system.poll_interval_s,
            "origin": "poll",
        }
        return row, sealed


async def ask(client: httpx.AsyncClient, url: str, poller: Poller) -> tuple[Attempt, Any]:
    """Fetch one document and parse it; None where it is not JSON."""
    attempt = await fetch(client, url, poller.limits, poller.clock)
    return attempt, parsed(attempt.body if attempt.error is None else None)


def parsed(body: bytes | None) -> Any:
    """Return a JSON document, or None."""
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None
