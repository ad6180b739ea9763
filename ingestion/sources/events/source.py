"""Device events as a source of the platform: sent, or imported from files, never pulled."""

from __future__ import annotations

from typing import Any

from ingestion.dead_letters import DEAD_LETTER
from ingestion.importer import IMPORT_FILE
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Source
from ingestion.sources.events import commands
from ingestion.sources.events.sent import reader
from ingestion.sources.events.tables import DEVICE_EVENT
from ingestion.sources.gbfs.tables import SYSTEM_REGISTRATION
from ingestion.stream.message import Intake
from ingestion.stream.redrive import REDRIVEN


def pull(context: Context) -> list[Any]:
    """Give nothing: no address tells of events."""
    return []


SOURCE = Source(
    name="events",
    tables=(DEVICE_EVENT, SYSTEM_REGISTRATION, IMPORT_FILE, DEAD_LETTER, RESTRICTED, REDRIVEN),
    pull=pull,
    intake=Intake(DEVICE_EVENT, reader),
    commands={"import events": commands.import_events},
)
