"""Zones as a source of the platform. They are imported, never pulled."""

from __future__ import annotations

from typing import Any

from ingestion.dead_letters import DEAD_LETTER
from ingestion.importer import IMPORT_FILE
from ingestion.source import Context, Source
from ingestion.sources.zones import commands
from ingestion.sources.zones.tables import ZONE


def pull(context: Context) -> list[Any]:
    """Give nothing: no address tells of zones."""
    return []


SOURCE = Source(
    name="zones",
    tables=(ZONE, IMPORT_FILE, DEAD_LETTER),
    pull=pull,
    commands={"import zones": commands.import_zones},
)
