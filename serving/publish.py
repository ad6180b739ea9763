"""Publishing: a new generation appears whole, by a file copy and the swap of a link.

Readers open `serving/marts.duckdb`, a link to `marts-<generation>.duckdb`. A generation, once
there, never changes; a process killed at any point leaves at most a file that nobody reads.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import duckdb

from mobilake.settings import Settings
from mobilake.transform import Transformed
from quality.gate import MARTS_SCHEMA, Verdict

_GENERATION = re.compile(r"marts-(\d{6,})\.duckdb")


@dataclass(frozen=True)
class Publication:
    """A published generation: its file, and the one that readers had before it, if any."""

    generation: int
    file: Path
    previous: Path | None
    held: dict[str, str]

    def __str__(self) -> str:
        held = f", held back: {', '.join(self.held)}" if self.held else ""
        return f"generation {self.generation}{held}"


def publish(
    settings: Settings,
    verdict: Verdict,
    transformed: Transformed,
    holdable: Iterable[str],
    now: datetime,
) -> Publication:
    """Make what dbt built into the next generation, and point readers at it.

    After an erasure nothing is taken from earlier generations, and none of them stays.

    Args:
        transformed: the build.
        holdable: the marts whose rows of a held system are taken from the generation before.
    """
    settings.serving.mkdir(parents=True, exist_ok=True)
    _sweep(settings.serving)
    previous = current(settings)
    is_cut = settings.erasure_pending.exists()
    held = {} if is_cut else verdict.held
    generation = max([0, *(number for number, _ in generations(settings))]) + 1
    draft = settings.serving / f".marts-{generation:06}.draft"
    _checkpoint(settings.gold)
    shutil.copyfile(settings.gold, draft)
    with duckdb.connect(str(draft)) as connection:
        if previous:
            connection.execute(f"attach '{previous}' as previous (read_only)")
        for mart in sorted(holdable):
            _hold_back(connection, mart, settings.gate.held_by, list(held), previous)
        _write_publication(
            connection, settings, verdict, transformed, held, generation, now, previous
        )
        connection.execute("checkpoint")
    file = settings.serving / f"marts-{generation:06}.duckdb"
    _flush(draft)
    draft.chmod(0o444)
    draft.rename(file)
    _point(settings.marts, file)
    if is_cut:
        _retire(settings, {file}, keep=1)
        settings.erasure_pending.unlink()
        return Publication(generation, file, None, held)
    _retire(settings, {file, previous}, settings.publication.keep_generations)
    return Publication(generation, file, previous, held)


def current(settings: Settings) -> Path | None:
    """Return the generation that readers see, by its own name, or None before the first."""
    return settings.marts.resolve() if settings.marts.exists() else None


def published_at(settings: Settings) -> datetime | None:
    """Return when the generation that readers see was published (UTC, without a zone)."""
    file = current(settings)
    return _last(file, "published_at") if file else None


def landed_until(generation: Path) -> datetime:
    """Return until when all that landed is in a generation (UTC, without a zone).

    Of a generation that an earlier version of ours made, that is taken to be a day before it.
    """
    try:
        return _last(generation, "landed_until")
    except duckdb.BinderException:
        return _last(generation, "published_at") - timedelta(days=1)


def _last(generation: Path, column: str) -> datetime:
    with duckdb.connect(str(generation), read_only=True) as connection:
        query = f"select max({column}) from {MARTS_SCHEMA}.publication"
        found: datetime = connection.execute(query).fetchall()[0][0]
    return found


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def generations(settings: Settings) -> list[tuple[int, Path]]:
    """Return the generations that are kept, oldest first."""
    found = [
        (int(match[1]), path)
        for path in settings.serving.glob("marts-*.duckdb")
        if (match := _GENERATION.fullmatch(path.name))
    ]
    return sorted(found)


def code_version(root: Path) -> str:
    """Return the version of the project, with the commit where there is one."""
    number = version("mobilake")
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude", "*"],
            cwd=root, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return number
    return f"{number}+{described.stdout.strip()}"


def _hold_back(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    column: str,
    held: list[str],
    previous: Path | None,
) -> None:
    """Put a held system's rows of the generation before in the place of the new ones."""
    if not held:
        return
    name = f"{MARTS_SCHEMA}.{mart}"
    connection.execute(f"delete from {name} where list_contains(?, {column})", [held])
    if previous and _columns(connection, "previous", mart) == _columns(connection, None, mart):
        connection.execute(
            f"insert into {name} by name select * from previous.{name} "
            f"where list_contains(?, {column})",
            [held],
        )


def _columns(
    connection: duckdb.DuckDBPyConnection, catalog: str | None, mart: str
) -> list[tuple[str, str]]:
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = ? "
        "and table_name = ? and database_name = coalesce(?, current_database()) order by 1",
        [MARTS_SCHEMA, mart, catalog],
    ).fetchall()
    return [(str(name), str(kind)) for name, kind in rows]


def _write_publication(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    verdict: Verdict,
    transformed: Transformed,
    held: Mapping[str, str],
    generation: int,
    now: datetime,
    previous: Path | None,
) -> None:
    name = f"{MARTS_SCHEMA}.publication"
    connection.execute(
        f"""create or replace table {name} (
            generation integer, published_at timestamp, code_version varchar, run_id varchar,
            held json, checks_passed integer, checks_warned integer, warnings json,
            landed_until timestamp
        )"""
    )
    if previous and _columns(connection, "previous", "publication"):
        connection.execute(f"insert into {name} by name select * from previous.{name}")
    warned = verdict.of("warned")
    connection.execute(
        f"insert into {name} values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            generation,
            _naive(now),
            code_version(settings.root),
            transformed.invocation_id,
            json.dumps(held),
            len(verdict.of("passed")),
            len(warned),
            json.dumps([str(check) for check in warned]),
            _naive(transformed.started_at),
        ],
    )
    connection.execute(
        f"comment on table {name} is 'One row per generation; the last is this one.'"
    )


def _checkpoint(file: Path) -> None:
    """Bring what a killed process left in the write-ahead log into the file."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("force checkpoint")


def _point(link: Path, file: Path) -> None:
    draft = link.with_name(f".{link.name}.draft")
    draft.unlink(missing_ok=True)
    draft.symlink_to(file.name)
    draft.replace(link)
    _flush(link.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    for left_over in folder.glob(".marts*.draft*"):
        left_over.unlink()


def _retire(settings: Settings, spared: Collection[Path | None], keep: int) -> None:
    """Remove the oldest generations; a reader that has one open keeps it until it closes."""
    for _, path in generations(settings)[:-keep]:
        if path not in spared:
            path.unlink()
