"""Keeps the live database up with the lake, the generations and the models."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from threading import Event
from typing import Any

from ingestion.raw import RawTable
from ingestion.source import Context
from mobilake.errors import MobilakeError, TransientError
from quality.gate import MARTS_SCHEMA
from serving.live.database import LiveDatabase, Outdated
from serving.live.models import Model, Project, read_project
from serving.publish import current

log = logging.getLogger(__name__)

CODE = ("models", "macros", "seeds", "dbt_project.yml", "profiles.yml")
LOOK_AT_CODE_S = 5.0
NOTHING = "Nothing is published: `mobilake build` comes first."
LIMIT = 10_000
"""Rows that an answer has at most."""


AFTER_TROUBLE_S = 1.0
ATTEMPTS = 3
Code = frozenset[tuple[str, int]]
"""The files of the models, and when each was changed."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


class Unknown(Exception):
    """Raised for a model or a column that there is not."""


class Withdrawn(MobilakeError):
    """Raised while nothing is published: what was has been taken back, as by an erasure."""


class Live:
    """The live models, while the service runs.

    Args:
        tables: the raw tables by name.
    """

    def __init__(self, context: Context, tables: Mapping[str, RawTable]) -> None:
        self._context, self._tables = context, tables
        self._chosen = context.settings.serve
        self._code = self._code_state()
        self._looked_at = self._refreshed_at = time.monotonic()
        self._compiled: tuple[Code, Project] | None = None
        self._broken: tuple[Code, str] | None = None
        self._is_withdrawn = False
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

    @property
    def behind_s(self) -> float:
        """For how long nobody has looked at the lake."""
        return time.monotonic() - self._refreshed_at

    def run(self, stop: Event) -> None:
        """Follow the lake until told to stop. Whatever fails is said, and tried again."""
        while not stop.wait(self._chosen.every_s):
            try:
                self.refresh()
                self.trouble = None
                self._refreshed_at = time.monotonic()
            except Exception as error:  # noqa: BLE001 - or the present would stand still, silently
                if str(error) != self.trouble:
                    log.warning("the present is not up to date: %s", error)
                self.trouble = str(error)
                stop.wait(AFTER_TROUBLE_S)

    def refresh(self) -> int:
        """Take in what landed, what was published and what changed in the models since.

        Returns:
            How many raw rows came.

        Raises:
            MobilakeError: the models are broken; what was there before goes on.
        """
        generation = current(self._context.settings)
        self._is_withdrawn = generation is None
        project = self._database.project
        try:
            project = self._project_now()
        finally:
            if generation != self._database.generation or project is not self._database.project:
                self._database = self._open(project)
                rows = 0
            else:
                rows = self._load()
        if self._compiled:
            self._code, self._compiled = self._compiled[0], None
        return rows

    def ask(self, name: str, wanted: Mapping[str, str], limit: int = LIMIT) -> list[dict[str, Any]]:
        """Return rows of a live model, as they are at this moment.

        Args:
            wanted: values of columns, as text.

        Raises:
            Unknown: there is no such model, or column.
            Withdrawn: nothing is published at present.
        """
        if self._is_withdrawn:
            raise Withdrawn(NOTHING)
        model = next((one for one in self.models if one.name == name), None)
        if model is None:
            raise Unknown(f"No live model is called {name!r}.")
        for column in wanted:
            if column not in model.columns:
                raise Unknown(f"{name} has no column {column!r}: {', '.join(model.columns)}.")
        where = " and ".join(f'cast("{column}" as varchar) = ?' for column in wanted) or "true"
        database = self._database
        cursor = database.cursor()
        try:
            found = cursor.execute(
                f"select * from {model.relation} where {where} limit ?",
                [*map(_as_stored, wanted.values()), min(limit, LIMIT)],
            )
            columns = [column[0] for column in found.description]
            rows = found.fetchall()
        finally:
            cursor.close()
        return [
            {column: _told(value) for column, value in zip(columns, row, strict=True)}
            for row in rows
        ]

    def _load(self) -> int:
        try:
            return self._database.load()
        except Outdated as reason:
            log.info("made anew: %s", reason)
            self._database = self._open(self._database.project)
            return 0

    def _open(self, project: Project) -> LiveDatabase:
        """Make a database that is up to date before anybody reads it."""
        settings = self._context.settings
        generation = current(settings)
        if generation is None:
            raise Withdrawn(NOTHING)
        for _ in range(ATTEMPTS):
            database = LiveDatabase(
                project,
                generation,
                self._context.lake,
                self._tables,
                memory=self._chosen.memory,
                spill=settings.home / "live" / "spill",
                days=self._chosen.days,
                held_by=settings.gate.held_by,
            )
            try:
                database.load()
            except Outdated:  # something came, or was merged, meanwhile
                continue
            log.info("%s, and what landed since %s", generation.stem, database.landed_until)
            return database
        raise TransientError("The lake is being rewritten all the time: it will be tried again.")

    def _project_now(self) -> Project:
        """Return the models, compiled again if their code has changed."""
        if self._compiled:
            return self._compiled[1]
        if time.monotonic() - self._looked_at >= LOOK_AT_CODE_S:
            self._looked_at = time.monotonic()
            self._look_at_code(self._code_state())
        if self._broken:
            raise MobilakeError(self._broken[1])
        return self._compiled[1] if self._compiled else self._database.project

    def _look_at_code(self, state: Code) -> None:
        if self._broken and state == self._broken[0]:
            return
        self._broken = None
        if state == self._code or (self._compiled and state == self._compiled[0]):
            return
        log.info("the models have changed: compiling them again")
        try:
            self._compiled = state, read_project(self._context.settings)
        except MobilakeError as error:
            self._broken = state, str(error)

    def _code_state(self) -> Code:
        root = self._context.settings.root
        places = [place for name in CODE for place in (root / name, *(root / name).rglob("*"))]
        return frozenset(
            (str(place), place.stat().st_mtime_ns) for place in places if _is_code(place)
        )


def _is_code(place: Path) -> bool:
    return place.is_file() and place.suffix in (".sql", ".yml", ".csv")


def _as_stored(text: str) -> str:
    """Return a time that was told so as DuckDB writes it."""
    return text[:-1].replace("T", " ") if _MOMENT.fullmatch(text) else text


def _told(value: object) -> object:
    """Return a value as JSON has it: times are UTC, and say so."""
    if isinstance(value, datetime):
        return value.isoformat() + ("" if value.tzinfo else "Z")
    return value.isoformat() if isinstance(value, date) else value
