"""The steps of a run, each with a result that tells its counts. Flows and commands call these."""

from __future__ import annotations

from collections.abc import Iterable

from ingestion import pipeline
from ingestion.pipeline import Landed
from ingestion.source import Context, Source
from mobilake.errors import MobilakeError


def chosen(sources: dict[str, Source], names: list[str]) -> list[Source]:
    """Return the sources of these names; all of them for none.

    Raises:
        MobilakeError: a name is not a source's.
    """
    unknown = [name for name in names if name not in sources]
    if unknown:
        raise MobilakeError(
            f"No source is called {unknown[0]!r}: mobilake.toml names {', '.join(sources)}."
        )
    return [sources[name] for name in names or sources]


def ingest(context: Context, sources: Iterable[Source]) -> list[Landed]:
    """Pull each source once."""
    return [pipeline.ingest(context, source) for source in sources]
