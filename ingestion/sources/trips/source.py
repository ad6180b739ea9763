"""Trip files as a source of the platform: taken from the places chosen, or imported by hand."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from typing import Any

from ingestion.dead_letters import DEAD_LETTER
from ingestion.importer import IMPORT_FILE
from ingestion.lake import rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Source
from ingestion.sources.gbfs.history import settle_system
from ingestion.sources.gbfs.tables import SYSTEM_REGISTRATION
from ingestion.sources.trips import commands
from ingestion.sources.trips.families import SEED, read_families
from ingestion.sources.trips.landing import land
from ingestion.sources.trips.members import members_of, readable
from ingestion.sources.trips.places import Listed, Place, TripsOptions, listed
from ingestion.sources.trips.tables import TRIP_FILE, TRIP_LISTING, TRIP_ROW
from mobilake.console import say
from mobilake.errors import MobilakeError
from mobilake.secrets import pseudonym_key

log = logging.getLogger(__name__)

NAME = "trips"
Row = dict[str, object]


def pull(context: Context) -> list[Any]:
    """Land what is new in the places chosen, and give an account of each file.

    A file that cannot be read stops no other: its row says why, and it is tried again.
    """
    places = context.options(NAME, TripsOptions).urls
    if not places:
        return []
    for place in places:
        settle_system(context, place.system, place.timezone, None)

    import dlt  # here, because it takes two seconds

    @dlt.resource(name=TRIP_LISTING.name)
    def taken() -> Iterator[Any]:
        for place in places:
            rows = list(_taken(context, place))
            if rows:
                yield rows_of(TRIP_LISTING, rows)

    return [taken]


def _taken(context: Context, place: Place) -> Iterator[Row]:
    settings = context.settings
    reading = hashlib.sha256((settings.root / SEED).read_bytes()).hexdigest()[:16]
    names = ["url", "size_bytes", "modified_at", "reading"]
    known = context.lake.read(TRIP_LISTING, names, "error is null").to_pylist()
    taken = {tuple(row[name] for name in names) for row in known}
    for file in listed(place, settings.root, settings.home):
        if (file.url, file.size, file.modified_at, reading) in taken:
            continue
        row: Row = {
            "system_id": place.system,
            "url": file.url,
            "size_bytes": file.size,
            "modified_at": file.modified_at,
            "reading": reading,
            "tables_landed": 0,
            "taken_at": context.clock(),
        }
        try:
            row["tables_landed"] = _land(context, place.system, file)
        except MobilakeError as error:
            log.error("%s", error)
            row["error"] = str(error)
        yield row


def _land(context: Context, system: str, file: Listed) -> int:
    """Land the tables of a file that are of a known family; return how many those are."""
    families, key = read_families(context.settings.root), pseudonym_key(context.settings.home)
    landed = 0
    with readable(file.url), file.opener() as opener:
        for member in members_of(file.name, opener):
            outcome = land(context, system, member, families, key)
            landed += outcome.layout is not None
            say(commands.told(outcome))
    return landed


SOURCE = Source(
    name=NAME,
    tables=(
        TRIP_ROW,
        TRIP_FILE,
        TRIP_LISTING,
        SYSTEM_REGISTRATION,
        IMPORT_FILE,
        DEAD_LETTER,
        RESTRICTED,
    ),
    pull=pull,
    options=TripsOptions,
    commands={"import trips": commands.import_trips},
)
