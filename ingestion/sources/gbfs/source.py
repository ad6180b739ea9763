"""GBFS as a source of the platform: what `mobilake ingest gbfs` pulls, and its own commands."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.to_thread

from ingestion.credentials import Credential
from ingestion.dead_letters import DEAD_LETTER
from ingestion.http import Client
from ingestion.importer import IMPORT_FILE
from ingestion.lake import rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Polling, Source
from ingestion.sources.gbfs import commands, schemas
from ingestion.sources.gbfs.pace import GbfsOptions
from ingestion.sources.gbfs.poll import Poller
from ingestion.sources.gbfs.registry import System, credential_if_there, systems
from ingestion.sources.gbfs.schemas import GBFS_SCHEMA
from ingestion.sources.gbfs.tables import GBFS_FETCH, SYSTEM_REGISTRATION
from ingestion.sources.gbfs.watch import Equipment, SystemWatch
from ingestion.waiting import kept_up, waited
from mobilake.errors import MobilakeError
from mobilake.keys import present
from mobilake.secrets import pseudonym_key

log = logging.getLogger(__name__)

NAME = "gbfs"
PAUSE_S = 60.0


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
    home, options = context.settings.home, context.options(NAME, GbfsOptions)
    poller = Poller(context.settings.http, context.clock, pseudonym_key(home), home, options)
    fetches, restricted = poller.poll(polled)

    import dlt  # here, because it takes two seconds

    @dlt.resource(name=GBFS_FETCH.name)
    def fetched() -> Iterator[Any]:
        yield rows_of(GBFS_FETCH, fetches)

    @dlt.resource(name=RESTRICTED.name)
    def sealed() -> Iterator[Any]:
        yield rows_of(RESTRICTED, restricted)

    return [fetched, sealed] if restricted else [fetched]


async def poll(polling: Polling) -> None:
    """Poll every registered system until told to stop; registrations are read again and again."""
    context = polling.context
    settings = context.settings
    options, key = context.options(NAME, GbfsOptions), pseudonym_key(settings.home)
    async with Client(settings.http, context.clock) as client, anyio.create_task_group() as group:
        equipment = Equipment(polling, client, options, key)
        watched: dict[str, SystemWatch] = {}
        goes_on = True
        while goes_on:
            known = await anyio.to_thread.run_sync(_registered, context)
            equipment.key = present(settings.home, equipment.key)
            for system_id in watched.keys() - known.keys() if known is not None else ():
                watched.pop(system_id).stop()
            for system_id, (system, credential) in (known or {}).items():
                before = watched.get(system_id)
                if before and (before.system, before.credential) == (system, credential):
                    continue
                if before:
                    before.stop()
                watched[system_id] = after = SystemWatch(system, credential, equipment)
                group.start_soon(kept_up, f"polling {system_id}", after.run, polling.stop, PAUSE_S)
            polling.tally.systems[NAME] = len(watched)
            goes_on = await waited(polling.stop, settings.poll.registrations_s)
        for one in watched.values():
            one.stop()


def _registered(context: Context) -> dict[str, tuple[System, Credential | None]] | None:
    """Return the systems to poll with what proves us to them; None where the lake does not say."""
    try:
        known = systems(context.lake)
    except Exception as error:  # noqa: BLE001 - whatever it is, those known before are polled on
        log.warning("registrations cannot be read (%s); going on with those known", error)
        return None
    polled = [system for system in known.values() if system.url]
    if not polled:
        log.warning("No system is registered yet: `mobilake systems add URL` with a gbfs.json.")
    home = context.settings.home
    return {one.system_id: (one, credential_if_there(one, home)) for one in polled}


SOURCE = Source(
    name=NAME,
    tables=(GBFS_FETCH, SYSTEM_REGISTRATION, GBFS_SCHEMA, IMPORT_FILE, DEAD_LETTER, RESTRICTED),
    pull=pull,
    poll=poll,
    options=GbfsOptions,
    commands={
        "systems add": commands.add,
        "systems list": commands.show,
        "import gbfs": commands.import_gbfs,
        "schemas add": schemas.add,
    },
)
