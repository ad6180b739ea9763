"""What a domain tells the platform about a source: its tables, how it is asked, its commands."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import anyio
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import from_json

from ingestion.lake import Lake, RawTable
from ingestion.landing import Landing
from ingestion.stream.message import Intake
from ingestion.tally import Tally
from mobilake.errors import MobilakeError
from mobilake.settings import Settings, first_mistake


class Options(BaseModel):
    """What a source lets its users choose, under `[source.<name>]`; each source has its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _of_environment(cls, given: Any) -> Any:
        """Read lists as JSON, which is how a variable of the environment writes them."""
        if not isinstance(given, dict):
            return given
        return {
            name: from_json(value) if isinstance(value, str) and value[:1] == "[" else value
            for name, value in given.items()
        }


Chosen = TypeVar("Chosen", bound=Options)


@dataclass(frozen=True)
class Context:
    """What a source works with: settings, the lake, the clock (aware UTC)."""

    settings: Settings
    lake: Lake
    clock: Callable[[], datetime]

    def options(self, name: str, model: type[Chosen]) -> Chosen:
        """Return what is chosen for a source."""
        return _options(self.settings, name, model)


@dataclass(frozen=True)
class Polling:
    """What a source polls with for as long as the service runs.

    Attributes:
        every_s: the pace that is asked for on the command line, if one is.
        stop: is set when no further poll is to be made; `Source.poll` returns then.
    """

    context: Context
    landing: Landing
    tally: Tally
    every_s: float | None
    stop: anyio.Event


@dataclass(frozen=True)
class Source:
    """One source of a domain, named in `mobilake.toml`.

    Attributes:
        tables: the raw tables it lands in.
        pull: one pass over the source: dlt resources named after raw tables, yielding Arrow
            tables of their columns.
        poll: asks the source at its own pace until told to stop, where it can be polled.
        intake: how what is sent to it becomes rows, where anything can be.
        options: what can be chosen under `[source.<name>]`.
        commands: further commands of the command line, by their words ("systems add"): typer
            functions that take the context first, as `typer.Context.obj`.
    """

    name: str
    tables: tuple[RawTable, ...]
    pull: Callable[[Context], Iterable[Any]]
    poll: Callable[[Polling], Coroutine[Any, Any, None]] | None = None
    intake: Intake | None = None
    options: type[Options] = Options
    commands: Mapping[str, Callable[..., None]] = field(default_factory=dict)


def load_sources(settings: Settings) -> dict[str, Source]:
    """Import the sources that the settings name.

    Raises:
        MobilakeError: a name leads to no `Source`, or what is chosen for one is wrong.
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
        _options(settings, name, source.options)
        found[name] = source
    stray = [name for name in settings.source if name not in settings.sources]
    if stray:
        raise MobilakeError(
            f"[source.{stray[0]}] is about no source: [sources] names none like it."
        )
    return found


def _options(settings: Settings, name: str, model: type[Chosen]) -> Chosen:
    try:
        return model.model_validate(settings.source.get(name, {}))
    except ValidationError as error:
        raise MobilakeError(first_mistake(error, "source", name)) from None
