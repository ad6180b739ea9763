"""The commands that the catalogue adds to the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ingestion.dead_letters import DEAD_LETTER
from ingestion.files import opened
from ingestion.importer import Counts, account, import_file
from ingestion.lake import rows_of
from ingestion.source import Context
from ingestion.sources.catalogue.entries import (
    HISTORY,
    NAME,
    SCOPE,
    URL,
    Unread,
    listed,
    read_change,
)
from ingestion.sources.catalogue.lookup import current
from ingestion.sources.catalogue.tables import SYSTEM_CATALOGUE
from mobilake.console import say, table
from mobilake.errors import MobilakeError

SHOWN = 50


def import_catalogue(
    call: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="systems.csv, or its history.", show_default=False)
    ],
    as_of: Annotated[
        str | None,
        typer.Option(help="When a systems.csv was so, ISO 8601. Default: the file's own time."),
    ] = None,
) -> None:
    """Import the worldwide catalogue: systems.csv as it was at a time, or lines of its history."""
    context: Context = call.obj
    for file in files:
        if not file.is_file():
            raise MobilakeError(f"{file} is no file: check the path.")
    for file in files:
        with opened(file) as (lines, _):
            is_history = next(iter(lines), b"").lstrip().startswith(b"{")
        if is_history:
            counts = import_file(context, file, HISTORY, read_change)
        else:
            counts = import_list(context, file, _moment(as_of, file))
        say(
            f"{file.name}: {counts.received:,} received = {counts.accepted:,} new + "
            f"{counts.known:,} known already + {counts.quarantined:,} quarantined."
        )


def search(
    call: typer.Context,
    text: Annotated[str, typer.Argument(help="Part of an id, a name, a place or a country code.")],
) -> None:
    """Look for systems in the worldwide catalogue."""
    context: Context = call.obj
    known = current(context.lake)
    if not known:
        raise MobilakeError(
            "No catalogue is here: set url under [source.catalogue] and `mobilake ingest "
            "catalogue`, or `mobilake import catalogue systems.csv`."
        )
    wanted = text.casefold()
    names = (NAME, "Location", "Country Code", "Supported Versions", URL)
    found = [
        (system_id, *(entry.get(name) or "" for name in names))
        for system_id, entry in sorted(known.items())
        if any(wanted in str(part).casefold() for part in (system_id, *map(entry.get, names[:3])))
    ]
    table(("system", "name", "location", "country", "versions", "gbfs.json"), found[:SHOWN])
    more = f", the first {SHOWN} are shown" if len(found) > SHOWN else ""
    say(f"{len(found):,} of {len(known):,} systems{more}.")


def import_list(context: Context, file: Path, as_of: datetime) -> Counts:
    """Land a version of the catalogue from a file."""
    started_at = context.clock()
    with opened(file) as (lines, _):
        document = b"".join(lines)
    try:
        found = listed(document, as_of, f"import:{file.name}")
    except ValueError as error:
        raise MobilakeError(f"{file.name} is no systems.csv: {error}.") from None
    rows = rows_of(SYSTEM_CATALOGUE, found.rows)
    added = context.lake.append_new(SYSTEM_CATALOGUE, rows, "entry_id", SCOPE)
    dead = dead_letters(found.unread, file.name, as_of)
    if dead:
        context.lake.append_new(DEAD_LETTER, rows_of(DEAD_LETTER, dead), "dead_letter_id", SCOPE)
    counts = Counts(
        received=len(found.rows) + len(found.unread),
        accepted=added,
        known=len(found.rows) - added,
        quarantined=len(found.unread),
    )
    account(context.lake, file.name, SCOPE, started_at, counts)
    return counts


def dead_letters(unread: list[Unread], origin: str, as_of: datetime) -> list[dict[str, object]]:
    """Return the rows of `dead_letter` for lines that name no system."""
    return [
        {
            "dead_letter_id": f"{SCOPE}-{as_of:%Y%m%dT%H%M%SZ}-{one.line}",
            "origin": origin,
            "position": str(one.line),
            "reason": one.reason,
            "payload": one.text,
        }
        for one in unread
    ]


def _moment(text: str | None, file: Path) -> datetime:
    if text is None:
        return datetime.fromtimestamp(int(file.stat().st_mtime), UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MobilakeError(f"{text!r} is no time: write one such as 2026-01-05T12:00Z.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
