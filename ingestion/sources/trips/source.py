"""Trip files as a source of the platform. They are imported, never pulled."""

from __future__ import annotations

from typing import Any

from ingestion.importer import DEAD_LETTER, IMPORT_FILE
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Source
from ingestion.sources.gbfs.tables import SYSTEM_REGISTRATION
from ingestion.sources.trips import commands
from ingestion.sources.trips.tables import TRIP_FILE, TRIP_ROW


def pull(context: Context) -> list[Any]:
    """Give nothing: no address tells of trip files."""
    return []


SOURCE = Source(
    name="trips",
    tables=(TRIP_ROW, TRIP_FILE, SYSTEM_REGISTRATION, IMPORT_FILE, DEAD_LETTER, RESTRICTED),
    pull=pull,
    commands={"import trips": commands.import_trips},
)
