"""The command that trip files add to the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestion.source import Context
from ingestion.sources.gbfs.history import settle_system
from ingestion.sources.trips.families import read_families
from ingestion.sources.trips.landing import Outcome, land
from ingestion.sources.trips.members import members, readable
from mobilake.console import say
from mobilake.errors import MobilakeError
from mobilake.secrets import pseudonym_key


def import_trips(
    call: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="CSV, plain, .gz or .zip.", show_default=False)
    ],
    system: Annotated[str, typer.Option(help="The id of the system whose rides they are.")],
    timezone: Annotated[
        str | None, typer.Option(help="The system's zone, where it is not known yet.")
    ] = None,
) -> None:
    """Import trip files of any known family. A file of the same name replaces the one before."""
    context: Context = call.obj
    families = read_families(context.settings.root)
    for file in files:
        if not file.is_file():
            raise MobilakeError(f"{file} is no file: check the path.")
    settle_system(context, system, timezone, None)
    key = pseudonym_key(context.settings.home)
    for file in files:
        landed = 0
        for member in members(file):
            with readable(file):
                outcome = land(context, system, member, families, key)
            landed += outcome.layout is not None
            say(told(outcome))
        if not landed:
            raise MobilakeError(
                f"{file.name} holds no trips of a known family: the columns of those stand in "
                "seeds/trip_columns.csv, where another one can be added."
            )


def told(outcome: Outcome) -> str:
    """Say what became of a file."""
    name, layout, counts = outcome.member.origin, outcome.layout, outcome.counts
    if layout is None:
        return f"{name}: left out, its header is of no known family."
    undeclared = f"; not taken in: {', '.join(layout.undeclared)}" if layout.undeclared else ""
    return (
        f"{name} ({layout.family.name}): {counts.received:,} received = {counts.accepted:,} new + "
        f"{counts.known:,} known already + {counts.quarantined:,} quarantined{undeclared}."
    )
