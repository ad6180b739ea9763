"""A database in memory: one generation, what landed since, and the live models over both.

It lives as long as its generation and its models do. What changes them makes another one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from ingestion.lake import Kept, Lake
from ingestion.raw import RawTable
from quality.gate import MARTS_SCHEMA
from serving.live.models import Model, Project
from serving.publish import landed_until

OVERLAP = timedelta(hours=1)
"""A writer stamps its rows before its commit shows: so much longer is looked back."""
BESIDE = timedelta(days=1)
"""What is told of a day follows from the days beside it as well."""
SLICE_BYTES = 32 << 20
"""Of raw rows, as they are unpacked, that are taken in at once."""
PUBLISHED = "published"

Slice = tuple[str, int, int]
"""A raw file, and the first and the last of its rows that are meant."""


class Outdated(Exception):
    """Raised where the database has to be made anew.

    Raw files that were read are gone, so that rows may have been taken out of them; or something
    came of a day that is taken from what is published.
    """


class LiveDatabase:
    """The live models.

    Args:
        generation: the published file below.
        tables: the raw tables by name.
        memory: what DuckDB may hold.
        spill: the folder that it may spill to.
        days: so many days late something may be and count; what is later waits for a generation.
        held_by: the column that says whom a mart is about, if somebody may be held back.

    Attributes:
        landed_until: all that landed before is in the generation, UTC.
        cut_on: the day from which on marts with a seam are made anew.

    Raises:
        MobilakeError: a raw table is not there.
    """

    def __init__(
        self,
        project: Project,
        generation: Path,
        lake: Lake,
        tables: Mapping[str, RawTable],
        memory: str,
        spill: Path,
        days: int,
        held_by: str,
    ) -> None:
        self.project, self.generation = project, generation
        self._lake, self._tables, self._held_by = lake, tables, held_by
        self.landed_until = landed_until(generation)
        self._whole_days = {
            raw: model
            for model in project.hot()
            for raw in model.raws
            if "whole_days" in model.live
        }
        names = {raw for model in project.hot() for raw in model.raws}
        self._kept: dict[str, Kept] = {
            name: lake.keep(tables[name], has_to_be_there=True) for name in names
        }
        self._versions = dict.fromkeys(names, -1)
        self._read: dict[str, set[str]] = {name: set() for name in names}
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory,
                "temp_directory": str(spill),
                "preserve_insertion_order": False,
            },
        )
        self._connection.execute("set global TimeZone = 'UTC'")
        self._connection.execute("set global asof_loop_join_threshold = 0")
        self._connection.execute(f"attach '{generation}' as {PUBLISHED} (read_only)")
        self._held = self._held_back()
        self._earliest = self.landed_until.date() - timedelta(days=days)
        self.cut_on = self._first_day() - BESIDE
        self._build()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own for who reads; what it reads in a statement is whole."""
        return self._connection.cursor()

    def load(self) -> int:
        """Take in what landed since the last call; return how many raw rows came.

        Raises:
            Outdated: files that were read are gone, or something came of an earlier day.
            MobilakeError: a raw table is gone.
        """
        fresh = {name: self._new_files(name) for name in self._kept}
        if not any(fresh.values()):
            return 0
        connection = self._connection
        connection.execute("begin")
        try:
            counts = {
                name: self._take_in(name, sorted(files)) for name, files in fresh.items() if files
            }
            changed = {name for name, count in counts.items() if count}
            for model in self.project.models:
                if model.live.get("kept") and changed & model.fed_by:
                    connection.execute(f"create or replace table {model.relation} as {model.sql}")
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
        for name, files in fresh.items():
            self._read[name] |= files
            self._versions[name] = self._lake.version(self._kept[name])
        return sum(counts.values())

    def _since(self, name: str) -> datetime:
        """Return from when on what landed is read of a raw table."""
        if name in self._whole_days:
            return datetime.combine(self.cut_on - BESIDE, datetime.min.time())
        return self.landed_until - OVERLAP

    def _first_day(self) -> date:
        """Return the first day of which something landed since the generation was made."""
        days = [self.landed_until.date()]
        for name in self._whole_days:
            since = (self.landed_until - OVERLAP).date()
            days += self._days_of(name, sorted(self._lake.files(self._kept[name], since)))
        return min(days)

    def _days_of(self, name: str, files: list[str]) -> list[date]:
        """Return the first day that rows of some files tell of, if they are not published."""
        if not files:
            return []
        live = self._whole_days[name].live
        mart, key, moment = live["published_in"], live["key"], live["whole_days"]
        known = f"select {key} from {PUBLISHED}.{MARTS_SCHEMA}.{mart}"
        rows = self._connection.execute(
            f"""select min(cast({moment} as date))
            from read_parquet(?, union_by_name = true, hive_partitioning = false)
            where landed_at >= ? and cast({moment} as date) >= ?
            {f"and {key} not in ({known})" if self._has_published(mart) else ""}""",
            [files, _aware(self.landed_until - OVERLAP), self._earliest],
        ).fetchall()
        return [day for (day,) in rows if day is not None]

    def _new_files(self, name: str) -> set[str]:
        kept = self._kept[name]
        self._lake.look(kept)
        if self._lake.version(kept) == self._versions[name]:
            return set()
        now = self._lake.files(kept, self._since(name).date())
        if self._read[name] - now:
            raise Outdated(f"{name}: files that were read are gone")
        fresh = now - self._read[name]
        if name in self._whole_days:
            days = self._days_of(name, sorted(fresh))
            if days and min(days) - BESIDE < self.cut_on:
                raise Outdated(f"{name}: something came of {min(days)}")
        return fresh

    def _take_in(self, name: str, files: list[str]) -> int:
        """Make what follows at once from the new rows of a raw table; return how many there are."""
        rows = 0
        for slices in _in_slices(self._row_groups(files)):
            count = self._fill(name, slices)
            rows += count
            for model in self.project.hot() if count else ():
                if name in model.raws:
                    self._add(model)
            self._connection.execute(f"delete from raw.{name}")
        return rows

    def _row_groups(self, files: list[str]) -> Iterator[tuple[Slice, int]]:
        """Yield the row groups of files, and their bytes when they are unpacked."""
        found = self._connection.execute(
            """select file_name, row_group_id, any_value(row_group_num_rows),
                sum(total_uncompressed_size)
            from parquet_metadata(?) group by all order by all""",
            [files],
        ).fetchall()
        file_before, first = "", 0
        for file, _, rows, size in found:
            first = first if file == file_before else 0
            yield (file, first, first + rows - 1), size
            file_before, first = file, first + rows

    def _fill(self, name: str, slices: list[Slice]) -> int:
        """Put the new rows of some slices where models read raw rows; return how many."""
        key, since = self._tables[name].key, _aware(self._since(name))
        happened = self._whole_days[name].live["whole_days"] if name in self._whole_days else None
        for file, first, last in slices:
            self._connection.execute(
                f"""insert into raw.{name} by name
                select * exclude (file_row_number)
                from read_parquet($1, file_row_number = true, hive_partitioning = false) as landed
                anti join known.{name} using ({key})
                where file_row_number between $2 and $3
                and landed_at >= $4 and {happened or "landed_at"} >= $4
                qualify row_number() over (partition by {key} order by landed_at) = 1""",
                [file, first, last, since],
            )
            self._connection.execute(
                f"insert into known.{name} select {key} from raw.{name} "
                f"anti join known.{name} using ({key})"
            )
        return self._count(f"raw.{name}")

    def _add(self, model: Model) -> None:
        self._connection.execute(f"create or replace temp table fresh as {model.sql}")
        if "first" in model.live:
            self._drop_published(model)
            self._keep_first(model)
        self._connection.execute(f"insert into {model.relation} by name select * from fresh")

    def _drop_published(self, model: Model) -> None:
        """Forget what is published as it came before."""
        words = ("key", "published_in", "first", "happened")
        key, mart, (first, *_), happened = (model.live[word] for word in words)
        if not self._has_published(mart):
            return
        ((since, until),) = self._connection.execute(
            f"select min({happened}), max({happened}) from fresh"
        ).fetchall()
        self._connection.execute(  # the literal times let DuckDB skip most of the history
            f"""delete from fresh using {PUBLISHED}.{MARTS_SCHEMA}.{mart} as before
            where before.{key} = fresh.{key}
            and before.{happened} between $1 and $2
            and coalesce(before.{first} <= fresh.{first}, fresh.{first} is null)""",
            [since, until],
        )

    def _keep_first(self, model: Model) -> None:
        """Of rows of the same key, those held and those that came, leave the first alone."""
        key = model.live["key"]
        order = ", ".join(f"{column} nulls last" for column in model.live["first"])
        connection = self._connection
        connection.execute(
            f"""insert into fresh by name select * from {model.relation} as held
            where {key} in (select {key} from fresh)"""
        )
        connection.execute(f"delete from {model.relation} where {key} in (select {key} from fresh)")
        connection.execute(
            f"""create or replace temp table fresh as select * from fresh
            qualify row_number() over (partition by {key} order by {order}) = 1"""
        )

    def _build(self) -> None:
        connection = self._connection
        connection.execute("attach ':memory:' as marts")
        for schema in sorted(self.project.schemas | {"raw", "known", "hot"}):
            connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create schema if not exists marts.{MARTS_SCHEMA}")
        self._build_published()
        for relation, file, types in self.project.seeds:
            connection.execute(
                f"create table {relation} as select * from read_csv(?, header = true, types = ?)",
                [str(file), dict(types)],
            )
        for name in self._kept:
            connection.register("empty_raw", self._tables[name].schema.empty_table())
            connection.execute(f"create table raw.{name} as select * from empty_raw")
            connection.unregister("empty_raw")
            key = self._tables[name].key
            connection.execute(f"create table known.{name} as select {key} from raw.{name}")
        for model in self.project.models:
            self._make(model)

    def _build_published(self) -> None:
        """Show what is published and not live as it is."""
        live = {model.name for model in self.project.models}
        for (name,) in self._connection.execute(
            "select table_name from duckdb_tables() where database_name = ? and schema_name = ?",
            [PUBLISHED, MARTS_SCHEMA],
        ).fetchall():
            if name not in live:
                self._connection.execute(
                    f"create view marts.{MARTS_SCHEMA}.{name} as "
                    f"select * from {PUBLISHED}.{MARTS_SCHEMA}.{name}"
                )

    def _make(self, model: Model) -> None:
        connection, live = self._connection, model.live
        if model.raws or live.get("kept"):
            connection.execute(f"create table {model.relation} as {model.sql}")
        elif not self._is_joined(model):
            connection.execute(f"create view {model.relation} as {model.sql}")
        else:
            hot = f"memory.hot.{model.name}"
            cold = f"{PUBLISHED}.{MARTS_SCHEMA}.{model.name}"
            connection.execute(f"create view {hot} as {model.sql}")
            if "seam" in live:
                above = f"{live['seam']} >= date '{self.cut_on}'"
                below = f"{live['seam']} < date '{self.cut_on}'"
            else:
                above = "true"
                below = f"{live['key']} not in (select {live['key']} from {hot})"
            if self._held and self._held_by in model.columns:
                names = ", ".join("'" + name.replace("'", "''") + "'" for name in self._held)
                above = f"{above} and {self._held_by} not in ({names})"
                below = f"({below} or {self._held_by} in ({names}))"
            connection.execute(
                f"create view {model.relation} as select * from {hot} where {above} "
                f"union all by name select * from {cold} where {below}"
            )

    def _held_back(self) -> list[str]:
        """Return who is held back in the generation: of them the marts show what they showed."""
        ((held,),) = self._connection.execute(
            f"select arg_max(held, generation) from {PUBLISHED}.{MARTS_SCHEMA}.publication"
        ).fetchall()
        return sorted(json.loads(held or "{}"))

    def _is_joined(self, model: Model) -> bool:
        """Tell whether what is published is part of a model; of a generation that has it."""
        marked = "seam" in model.live or "key" in model.live
        return marked and self._has_published(model.name)

    def _has_published(self, name: str) -> bool:
        found = self._connection.execute(
            "select 1 from duckdb_tables() where database_name = ? and table_name = ?",
            [PUBLISHED, name],
        ).fetchall()
        return bool(found)

    def _count(self, relation: str) -> int:
        ((count,),) = self._connection.execute(f"select count(*) from {relation}").fetchall()
        return int(count)


def _in_slices(row_groups: Iterator[tuple[Slice, int]]) -> Iterator[list[Slice]]:
    """Yield row groups in portions that memory bears; neighbours in a file become one slice."""
    portion: list[Slice] = []
    held = 0
    for (file, first, last), size in row_groups:
        if portion and held + size > SLICE_BYTES:
            yield portion
            portion, held = [], 0
        held += size
        if portion and portion[-1][0] == file and portion[-1][2] + 1 == first:
            portion[-1] = (file, portion[-1][1], last)
        else:
            portion.append((file, first, last))
    if portion:
        yield portion


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
