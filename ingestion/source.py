"""What a domain tells the platform about a source: its raw tables, how to pull it, its commands."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingestion.lake import Lake, RawTable
from mobilake.errors import MobilakeError
from mobilake.settings import Settings


@dataclass(frozen=True)
class Context:
    """What a source works with: settings, the lake, the clock (aware UTC)."""

    settings: Settings
    lake: Lake
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class Source:
    """One source of a domain, named in `mobilake.toml`.

    Attributes:
        tables: the raw tables it lands in.
        pull: one pass over the source: dlt resources named after raw tables, yielding Arrow
            tables of their columns.
        commands: further commands of the command line, by their words ("systems add"): typer
            functions that take the context first, as `typer.Context.obj`.
    """

    name: str
    tables: tuple[RawTable, ...]
    pull: Callable[[Context], Iterable[Any]]
    commands: Mapping[str, Callable[..., None]] = field(default_factory=dict)


def load_sources(settings: Settings) -> dict[str, Source]:
    """Import the sources that the settings name.

    Raises:
        MobilakeError: a name leads to no `Source`.
    """
    found = {}
    for name, address in settings.sources.items():
        module_name, _, attribute = address.partition(":")
        try:
            source = getattr(importlib.import_module(module_name), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise MobilakeError(
                f"[sources] {name} = {address!r} leads to no source ({error}): "
                "write it as module:attribute."
            ) from None
        if not isinstance(source, Source):
            raise MobilakeError(f"[sources] {name} = {address!r} is no ingestion.source.Source.")
        found[name] = source
    return found
