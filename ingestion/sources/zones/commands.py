"""The command that zones add to the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestion.source import Context
from ingestion.sources.gbfs.history import settle_system
from ingestion.sources.zones.features import KIND, Reading
from ingestion.sources.zones.landing import land
from mobilake.console import say
from mobilake.errors import MobilakeError


def import_zones(
    call: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="GeoJSON, WGS 84.", show_default=False)],
    system: Annotated[str, typer.Option(help="The id of the system whose city it is.")],
    kind: Annotated[
        str | None,
        typer.Option(help="council, equity_area, … where the zones have no property `kind`."),
    ] = None,
    name_property: Annotated[str, typer.Option(help="The property that names a zone.")] = "name",
    timezone: Annotated[
        str | None, typer.Option(help="The system's zone, where it is not known yet.")
    ] = None,
) -> None:
    """Import zones of a city. A file of the same name replaces the one before."""
    context: Context = call.obj
    if kind is not None and not KIND.fullmatch(kind):
        raise MobilakeError(f"--kind {kind!r} is not one lower-case word, such as equity_area.")
    settle_system(context, system, timezone, None)
    for file in files:
        counts = land(context, system, file, Reading(kind, name_property))
        say(
            f"{file.name}: {counts.received:,} received = {counts.accepted:,} new + "
            f"{counts.known:,} known already + {counts.quarantined:,} quarantined."
        )
