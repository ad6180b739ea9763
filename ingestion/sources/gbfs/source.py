"""GBFS as a source of the platform: what `mobilake ingest gbfs` pulls, and its own commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingestion.importer import DEAD_LETTER, IMPORT_FILE
from ingestion.lake import rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Source
from ingestion.sources.gbfs import commands
from ingestion.sources.gbfs.poll import Poller
from ingestion.sources.gbfs.registry import systems
from ingestion.sources.gbfs.tables import GBFS_FETCH, SYSTEM_REGISTRATION
from mobilake.errors import MobilakeError
from mobilake.secrets import pseudonym_key


def pull(context: Context) -> list[Any]:
    """Poll every registered system once.

    Raises:
        MobilakeError: no system that could be polled is registered.
    """
    known = systems(context.lake).values()
    polled = [system for system in known if system.url]
    if not polled:
        if known:
            return []
        raise MobilakeError(
            "No system is registered yet: `mobilake systems add URL` with the address of a "
            "gbfs.json, or `make run` for the simulated city."
        )
    settings = context.settings
    poller = Poller(settings.http, context.clock, pseudonym_key(settings.home))
    fetches, restricted = poller.poll(polled)

    import dlt  # here, because it takes two seconds

    @dlt.resource(name=GBFS_FETCH.name)
    def fetched() -> Iterator[Any]:
        yield rows_of(GBFS_FETCH, fetches)

    @dlt.resource(name=RESTRICTED.name)
    def sealed() -> Iterator[Any]:
        yield rows_of(RESTRICTED, restricted)

    return [fetched, sealed] if restricted else [fetched]


SOURCE = Source(
    name="gbfs",
    tables=(GBFS_FETCH, SYSTEM_REGISTRATION, IMPORT_FILE, DEAD_LETTER, RESTRICTED),
    pull=pull,
    commands={
        "systems add": commands.add,
        "systems list": commands.show,
        "import gbfs": commands.import_gbfs,
    },
)
