"""The command that device events add to the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestion.importer import import_file
from ingestion.source import Context
from ingestion.sources.events.recording import EventLines
from ingestion.sources.gbfs.history import settle_system
from mobilake.console import say, tracked
from mobilake.secrets import pseudonym_key


def import_events(
    call: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="JSON Lines, plain, .gz or .zst.", show_default=False)
    ],
    system: Annotated[str, typer.Option(help="The id of the system whose devices sent them.")],
    timezone: Annotated[
        str | None, typer.Option(help="The system's zone, where it is not known yet.")
    ] = None,
) -> None:
    """Import recorded device events: an event a line, with its id, device, type and time."""
    context: Context = call.obj
    settled = settle_system(context, system, timezone, None)
    key = pseudonym_key(context.settings.home)
    lines = EventLines(settled.system_id, context.clock(), key)
    for file in files:
        with tracked() as progress:
            counts = import_file(context, file, lines.target, lines.read_line, progress(file))
        say(
            f"{file.name}: {counts.received:,} received = {counts.accepted:,} new + "
            f"{counts.known:,} known already + {counts.quarantined:,} quarantined."
        )
