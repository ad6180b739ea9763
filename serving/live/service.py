"""Keeps the live database up with the lake, the generations and the models."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from threading import Event
from typing import Any

import duckdb

from ingestion.raw import RawTable
from ingestion.source import Context
from mobilake.errors import MobilakeError
from quality.gate import MARTS_SCHEMA
from serving.live.database import LiveDatabase, Outdated
from serving.live.models import Model, Project, read_project
from serving.publish import current

log = logging.getLogger(__name__)

CODE = ("models", "macros", "seeds", "dbt_project.yml", "profiles.yml")
LOOK_AT_CODE_S = 5.0
LIMIT = 10_000
"""Rows that an answer has at most."""


class Unknown(Exception):
    """Raised for a model or a column that there is not."""


class Live:
    """The live models, while the service runs.

    Args:
        tables: the raw tables by name.
    """

    def __init__(self, context: Context, tables: Mapping[str, RawTable]) -> None:
        self._context, self._tables = context, tables
        self._chosen = context.settings.serve
        self._code = self._code_state()
        self._looked_at = time.monotonic()
        self._database = self._open(read_project(context.settings))
        self.trouble: str | None = None

    @property
    def models(self) -> Sequence[Model]:
        """What can be asked."""
        return [one for one in self._database.project.models if one.schema == MARTS_SCHEMA]

    @property
    def generation(self) -> str:
        """The name of the published file below."""
        return self._database.generation.stem

    def run(self, stop: Event) -> None:
        """Follow the lake until told to stop. Whatever fails is said, and tried again."""
        while not stop.wait(self._chosen.every_s):
            try:
                self.refresh()
                self.trouble = None
            except (MobilakeError, duckdb.Error, OSError) as error:
                if str(error) != self.trouble:
                    log.warning("the present is not up to date: %s", error)
                self.trouble = str(error)
                stop.wait(1)

    def refresh(self) -> int:
        """Take in what landed, what was published and what changed in the models since.

        Returns:
            How many raw rows came.
        """
        project = self._project_now()
        generation = current(self._context.settings)
        is_new = generation is not None and generation != self._database.generation
        if is_new or project is not self._database.project:
            self._database = self._open(project)
            return 0
        try:
            return self._database.load()
        except Outdated as reason:
            log.info("made anew: %s", reason)
            self._database = self._open(project)
            return 0

    def ask(self, name: str, wanted: Mapping[str, str], limit: int = LIMIT) -> list[dict[str, Any]]:
        """Return rows of a live model, as they are at this moment.

        Args:
            wanted: values of columns, as text.

        Raises:
            Unknown: there is no such model, or column.
        """
        model = next((one for one in self.models if one.name == name), None)
        if model is None:
            raise Unknown(f"No live model is called {name!r}.")
        for column in wanted:
            if column not in model.columns:
                raise Unknown(f"{name} has no column {column!r}: {', '.join(model.columns)}.")
        where = " and ".join(f'cast("{column}" as varchar) = ?' for column in wanted) or "true"
        cursor = self._database.cursor()
        try:
            found = cursor.execute(
                f"select * from {model.relation} where {where} limit ?",
                [*wanted.values(), min(limit, LIMIT)],
            )
            columns = [column[0] for column in found.description]
            rows = found.fetchall()
        finally:
            cursor.close()
        return [
            {column: _told(value) for column, value in zip(columns, row, strict=True)}
            for row in rows
        ]

    def _open(self, project: Project) -> LiveDatabase:
        """Make a database that is up to date before anybody reads it."""
        settings = self._context.settings
        generation = current(settings)
        if generation is None:
            raise MobilakeError("Nothing is published yet: `mobilake build` comes first.")
        database = LiveDatabase(
            project,
            generation,
            self._context.lake,
            self._tables,
            self._chosen.memory,
            self._chosen.days,
        )
        database.load()
        log.info("%s, and what landed since %s", generation.stem, database.landed_until)
        return database

    def _project_now(self) -> Project:
        """Return the models, compiled again if their code has changed."""
        project = self._database.project
        if time.monotonic() - self._looked_at < LOOK_AT_CODE_S:
            return project
        self._looked_at = time.monotonic()
        state = self._code_state()
        if state == self._code:
            return project
        self._code = state
        log.info("the models have changed: compiling them again")
        return read_project(self._context.settings)

    def _code_state(self) -> frozenset[tuple[str, int]]:
        root = self._context.settings.root
        places = [place for name in CODE for place in (root / name, *(root / name).rglob("*"))]
        return frozenset(
            (str(place), place.stat().st_mtime_ns) for place in places if _is_code(place)
        )


def _is_code(place: Path) -> bool:
    return place.is_file() and place.suffix in (".sql", ".yml", ".csv")


def _told(value: object) -> object:
    """Return a value as JSON has it: times are UTC, and say so."""
    if isinstance(value, datetime):
        return value.isoformat() + ("" if value.tzinfo else "Z")
    return value.isoformat() if isinstance(value, date) else value
