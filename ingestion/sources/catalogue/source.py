"""The worldwide catalogue as a source: looked at once a day, landed when it has changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import anyio
from pydantic import Field

from ingestion.attempt import Attempt
from ingestion.dead_letters import DEAD_LETTER
from ingestion.http import Client
from ingestion.importer import IMPORT_FILE
from ingestion.lake import Lake, rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Options, Source
from ingestion.sources.catalogue import commands
from ingestion.sources.catalogue.entries import Listed, listed, sha256_of
from ingestion.sources.catalogue.tables import CATALOGUE_FETCH, SYSTEM_CATALOGUE
from mobilake.console import say

log = logging.getLogger(__name__)

NAME = "catalogue"


class CatalogueOptions(Options):
    """`[source.catalogue]`.

    Attributes:
        url: of the catalogue; without one it is not asked for.
        interval_s: the least distance between two looks at it.
    """

    url: str = ""
    interval_s: int = Field(86400, ge=60, le=31_536_000)


def pull(context: Context) -> list[Any]:
    """Look at the catalogue, if it is time, and land what it lists where that has changed."""
    options = context.options(NAME, CatalogueOptions)
    if not options.url:
        say("catalogue: not asked for, no url is set under [source.catalogue] in mobilake.toml")
        return []
    before = _last(context.lake)
    wait = timedelta(seconds=options.interval_s)
    if before and context.clock() - before["fetched_at"] < wait:
        return []
    attempt = anyio.run(_ask, context, options.url)
    row, found = _taken(attempt, before["sha256"] if before else None)
    if row["error"]:
        log.warning("catalogue: %s was not told (%s)", options.url, row["error"])

    import dlt  # here, because it takes two seconds

    @dlt.resource(name=CATALOGUE_FETCH.name)
    def looks() -> Iterator[Any]:
        yield rows_of(CATALOGUE_FETCH, [row])

    @dlt.resource(name=SYSTEM_CATALOGUE.name)
    def entries() -> Iterator[Any]:
        yield rows_of(SYSTEM_CATALOGUE, found.rows)

    @dlt.resource(name=DEAD_LETTER.name)
    def dead() -> Iterator[Any]:
        letters = commands.dead_letters(found.unread, attempt.url, attempt.fetched_at)
        yield rows_of(DEAD_LETTER, letters)

    return [looks, *([entries] if found.rows else []), *([dead] if found.unread else [])]


async def _ask(context: Context, url: str) -> Attempt:
    async with Client(context.settings.http, context.clock) as client:
        return await client.get(url)


def _taken(attempt: Attempt, known_sha256: str | None) -> tuple[dict[str, object], Listed]:
    """Return the row of a look, and what it lists if that is new."""
    error, found, sha256 = attempt.error, Listed(), None
    if attempt.body is not None and not error:
        sha256 = sha256_of(attempt.body)
        try:
            found = listed(attempt.body, attempt.fetched_at, attempt.url)
        except ValueError as reason:
            error, sha256 = f"no catalogue: {reason}", None
    row: dict[str, object] = {
        "url": attempt.url,
        "requested_at": attempt.requested_at,
        "fetched_at": attempt.fetched_at,
        "http_status": attempt.http_status,
        "elapsed_ms": attempt.elapsed_ms,
        "sha256": sha256,
        "body_bytes": len(attempt.body) if attempt.body is not None else None,
        "systems": len(found.rows) or None,
        "error": error,
    }
    return row, Listed() if sha256 == known_sha256 else found


def _last(lake: Lake) -> dict[str, Any] | None:
    """Return the last look that was answered."""
    rows = lake.read(CATALOGUE_FETCH, ["fetched_at", "sha256"], "error is null").to_pylist()
    return max(rows, key=lambda row: row["fetched_at"]) if rows else None


SOURCE = Source(
    name=NAME,
    tables=(SYSTEM_CATALOGUE, CATALOGUE_FETCH, IMPORT_FILE, DEAD_LETTER, RESTRICTED),
    pull=pull,
    options=CatalogueOptions,
    commands={"import catalogue": commands.import_catalogue, "systems search": commands.search},
)
