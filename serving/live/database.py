"""A database in memory: one generation, what landed since, and the live models over both.

It lives as long as its generation and its models do. What changes them makes another one.
"""

from __future__ import annotations

from collections.abc import Mapping
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
MIDNIGHT = datetime.min.time()
REACH = timedelta(hours=12)
"""What begins on a day may be compared with what lies so long before it."""
PUBLISHED = "published"


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
        days: so many days late something may be and count; what is later waits for a generation.

    Attributes:
        landed_until: all that landed before is in the generation, UTC.
        cut_on: the day from which on marts with a seam are made anew.
    """

    def __init__(
        self,
        project: Project,
        generation: Path,
        lake: Lake,
        tables: Mapping[str, RawTable],
        memory: str,
        days: int,
    ) -> None:
        self.project, self.generation = project, generation
        self._lake = lake
        self._tables = tables
        self.landed_until = landed_until(generation)
        self._whole_days = {
            raw: model
            for model in project.hot()
            for raw in model.raws
            if "whole_days" in model.live
        }
        names = {raw for model in project.hot() for raw in model.raws}
        self._kept: dict[str, Kept] = {name: lake.keep(tables[name]) for name in names}
        self._read: dict[str, set[str]] = {name: set() for name in names}
        self._connection = duckdb.connect(
            ":memory:", config={"memory_limit": memory, "preserve_insertion_order": False}
        )
        self._connection.execute("set TimeZone = 'UTC'")
        self._connection.execute(f"attach '{generation}' as {PUBLISHED} (read_only)")
        self._earliest = self.landed_until.date() - timedelta(days=days)
        self.cut_on = self._first_day()
        self._build()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own for who reads; what it reads in a statement is whole."""
        return self._connection.cursor()

    def load(self) -> int:
        """Take in what landed since the last call; return how many raw rows came.

        Raises:
            Outdated: files that were read are gone.
            MobilakeError: a raw table is gone.
        """
        fresh = {name: self._new_files(name) for name in self._kept}
        if not any(fresh.values()):
            return 0
        connection = self._connection
        connection.execute("begin")
        try:
            counts = {
                name: self._fill(name, sorted(files)) for name, files in fresh.items() if files
            }
            self._take_in({name for name, count in counts.items() if count})
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
        for name, files in fresh.items():
            self._read[name] |= files
        return sum(counts.values())

    def _since(self, name: str) -> datetime:
        """Return from when on what landed is read of a raw table."""
        if name in self._whole_days:
            return datetime.combine(self.cut_on, MIDNIGHT) - REACH
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
        mart, key = live["published_in"], live["key"]
        known = f"select {key} from {PUBLISHED}.{MARTS_SCHEMA}.{mart}"
        rows = self._connection.execute(
            f"""select min(cast({live["whole_days"]} as date))
            from read_parquet(?, union_by_name = true, hive_partitioning = false)
            where landed_at >= ? and cast({live["whole_days"]} as date) >= ?
            {f"and {key} not in ({known})" if self._has_published(mart) else ""}""",
            [files, _aware(self.landed_until - OVERLAP), self._earliest],
        ).fetchall()
        return [day for (day,) in rows if day is not None]

    def _new_files(self, name: str) -> set[str]:
        now = self._lake.files(self._kept[name], self._since(name).date())
        if self._read[name] - now:
            raise Outdated(f"{name}: files that were read are gone")
        fresh = now - self._read[name]
        if name in self._whole_days and self._read[name]:
            days = self._days_of(name, sorted(fresh))
            if days and min(days) < self.cut_on:
                raise Outdated(f"{name}: something came of {min(days)}")
        return fresh

    def _fill(self, name: str, files: list[str]) -> int:
        """Put the new rows of some files where models read raw rows; return how many."""
        key, since = self._tables[name].key, _aware(self._since(name))
        happened = self._whole_days[name].live["whole_days"] if name in self._whole_days else None
        self._connection.execute(
            f"""insert into raw.{name} by name
            select * from read_parquet($1, union_by_name = true, hive_partitioning = false)
            where landed_at >= $2 and {happened or "landed_at"} >= $2
            and {key} not in (select {key} from known.{name})
            qualify row_number() over (partition by {key} order by landed_at) = 1""",
            [files, since],
        )
        self._connection.execute(f"insert into known.{name} select {key} from raw.{name}")
        return self._count(f"raw.{name}")

    def _take_in(self, raws: set[str]) -> None:
        """Make what follows from the new rows of some raw tables."""
        connection = self._connection
        for model in self.project.hot():
            if not raws.intersection(model.raws):
                continue
            connection.execute(f"create or replace temp table fresh as {model.sql}")
            if "first" in model.live:
                self._drop_published(model)
                self._keep_first(model)
            connection.execute(f"insert into {model.relation} by name select * from fresh")
        for name in raws:
            connection.execute(f"delete from raw.{name}")
        for model in self.project.models:
            if model.live.get("kept") and raws & model.fed_by:
                connection.execute(f"create or replace table {model.relation} as {model.sql}")

    def _drop_published(self, model: Model) -> None:
        """Forget what is published as it came before."""
        key, mart, first = (model.live[word] for word in ("key", "published_in", "first"))
        if self._has_published(mart):
            self._connection.execute(
                f"""delete from fresh using {PUBLISHED}.{MARTS_SCHEMA}.{mart} as before
                where before.{key} = fresh.{key}
                and coalesce(before.{first[0]} <= fresh.{first[0]}, fresh.{first[0]} is null)"""
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
            empty = self._tables[name].schema.empty_table()
            connection.register("empty_raw", empty)
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
            hot, cold = f"memory.hot.{model.name}", f"{PUBLISHED}.{MARTS_SCHEMA}.{model.name}"
            connection.execute(f"create view {hot} as {model.sql}")
            if "seam" in live:
                above = f"where {live['seam']} >= date '{self.cut_on}'"
                below = f"where {live['seam']} < date '{self.cut_on}'"
            else:
                above = ""
                below = f"where {live['key']} not in (select {live['key']} from {hot})"
            connection.execute(
                f"create view {model.relation} as select * from {hot} {above} "
                f"union all by name select * from {cold} {below}"
            )

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


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
