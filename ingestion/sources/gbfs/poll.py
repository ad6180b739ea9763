"""One poll of all systems: the index of each, then every feed listed there, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import orjson

from ingestion.http import Client
from ingestion.sources.gbfs.feeds import INDEX, listed_feeds
from ingestion.sources.gbfs.pace import GbfsOptions, pace_s
from ingestion.sources.gbfs.registry import System, credential_if_there
from ingestion.sources.gbfs.rows import Rows, rows_of_attempt
from mobilake.secrets import Secret
from mobilake.settings import Http

Row = dict[str, object]


@dataclass(frozen=True)
class Poller:
    """What a poll needs: limits, the clock, the key of the pseudonyms, the home with secrets."""

    limits: Http
    clock: Callable[[], datetime]
    key: Secret
    home: Path
    options: GbfsOptions = field(default_factory=GbfsOptions)

    def poll(self, systems: list[System]) -> tuple[list[Row], list[Row]]:
        """Poll all systems side by side; return rows for `gbfs_fetch` and for `restricted`."""
        rows = anyio.run(self._poll, systems)
        return [one.fetched for one in rows], [one.sealed for one in rows if one.sealed]

    async def _poll(self, systems: list[System]) -> list[Rows]:
        found: list[Rows] = []
        async with Client(self.limits, self.clock) as client, anyio.create_task_group() as group:
            for system in systems:
                group.start_soon(self._poll_system, client, system, found)
        return found

    async def _poll_system(self, client: Client, system: System, found: list[Rows]) -> None:
        credential = credential_if_there(system, self.home)
        limiter = anyio.CapacityLimiter(self.limits.concurrency)

        async def take(feed: str, url: str) -> bytes | None:
            async with limiter:
                attempt = await client.get(url, credential=credential)
            pace = pace_s(system, feed, self.options)
            found.append(rows_of_attempt(system, feed, attempt, pace, self.key, credential))
            return attempt.body if attempt.error is None else None

        index = parsed(await take(INDEX, str(system.url)))
        async with anyio.create_task_group() as group:
            for feed, url in listed_feeds(index, system.language, str(system.url)).items():
                group.start_soon(take, feed, url)


def parsed(body: bytes | None) -> Any:
    """Return a JSON document, or None."""
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None
