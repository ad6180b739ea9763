"""Operations databases as a source of the platform: what `mobilake ingest ops` reads."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion.lake import RawTable, rows_of
from ingestion.source import Context, Source
from ingestion.sources.gbfs.registry import systems
from ingestion.sources.gbfs.tables import SYSTEM_REGISTRATION
from ingestion.sources.ops import database
from ingestion.sources.ops.changes import Known, Plan, plan
from ingestion.sources.ops.database import Unreadable
from ingestion.sources.ops.options import NAME, Database, OpsOptions
from ingestion.sources.ops.rows import Reader
from ingestion.sources.ops.tables import OPS_READ, STAMP, TABLES, OpsTable
from mobilake.console import say
from mobilake.errors import MobilakeError
from mobilake.secrets import pseudonym_key

log = logging.getLogger(__name__)

Row = dict[str, Any]
TICK = timedelta(microseconds=1)


def pull(context: Context) -> list[Any]:
    """Read what has changed in each database that the settings name.

    Raises:
        MobilakeError: a database belongs to no system that is registered, or cannot be used.
    """
    options = context.options(NAME, OpsOptions)
    if not options.databases:
        say("ops: no database is set up under [source.ops] in mobilake.toml")
        return []
    registered = systems(context.lake)
    resources: list[Any] = []
    for system_id, chosen in options.databases.items():
        if system_id not in registered:
            raise MobilakeError(
                f"[source.ops.databases.{system_id}] is about no system that is registered: "
                "`mobilake systems list` shows them."
            )
        resources += _Pass(context, system_id, chosen, options).resources()
    return resources


class _Pass:
    """One pass over the database of one system."""

    def __init__(
        self, context: Context, system_id: str, chosen: Database, options: OpsOptions
    ) -> None:
        home = context.settings.home
        self._lake = context.lake
        self._now = context.clock()
        self._key = pseudonym_key(home)
        self._system_id, self._chosen = system_id, chosen
        self._overlap = timedelta(seconds=options.overlap_s)
        self._engine = database.engine_of(home, system_id, chosen)

    def resources(self) -> Iterator[Any]:
        """Yield the resources of each table that the database has.

        Raises:
            MobilakeError: it has none of them.
        """
        reads = []
        for table in TABLES:
            try:
                found = database.reflected(self._engine, self._chosen, table)
                if found is not None:
                    read, resources = self._table(table, found)
                    reads.append(read)
                    yield from resources
            except Unreadable as error:
                log.error("ops: %s of %s cannot be read (%s)", table.name, self._system_id, error)
                reads.append(self._read(table, self._now, Plan(), "unreadable"))
        if not reads:
            raise MobilakeError(
                f"[source.ops.databases.{self._system_id}]: the database has none of the tables "
                f"{', '.join(table.name for table in TABLES)}: say what they are called under "
                "`tables`, and where they stand under `schema`."
            )
        yield _resource(OPS_READ, f"{self._system_id}_reads", reads)

    def _table(self, table: OpsTable, found: sa.Table) -> tuple[Row, list[Any]]:
        reader = database.reader_of(found, self._chosen, table, self._system_id, self._key)
        known = self._known(table)
        read_at = max(self._now, known.read_at + TICK) if known.read_at else self._now
        wanted = plan(
            database.listed(self._engine, found, reader),
            known,
            self._overlap,
            stamps_compare=database.stamps_compare(found, reader),
        )
        if known.rows and not wanted.there:
            log.warning(
                "ops: the table %s of %s is empty now; its %s rows are kept as they were",
                table.name, self._system_id, f"{len(known.rows):,}",
            )  # fmt: skip
        resources = []
        if wanted.reads:
            resources.append(self._changed(table, found, reader, known, wanted, read_at))
        if wanted.gone:
            stones = [reader.tombstone(row_id) | {"read_at": read_at} for row_id in wanted.gone]
            resources.append(_resource(table.raw, f"{self._system_id}_{table.name}_gone", stones))
        return self._read(table, read_at, wanted, None), resources

    def _known(self, table: OpsTable) -> Known:
        columns = ["row_id", STAMP, "row_hash", "is_deleted", "read_at"]
        return Known.of(self._lake.read(table.raw, columns, f"system_id = '{self._system_id}'"))

    def _changed(
        self,
        table: OpsTable,
        found: sa.Table,
        reader: Reader,
        known: Known,
        wanted: Plan,
        read_at: datetime,
    ) -> Any:
        import dlt  # here, because it takes two seconds
        from dlt.sources.sql_database import sql_table

        rows = sql_table(
            credentials=self._engine,
            table=found.name,
            metadata=found.metadata,
            included_columns=list(reader.names.values()),
            chunk_size=database.CHUNK,
            backend="sqlalchemy",
            reflection_level="minimal",
            query_adapter_callback=lambda query, _: database.asked(query, found, reader, wanted),
        )

        @dlt.transformer(
            data_from=rows, name=f"{self._system_id}_{table.name}", table_name=table.raw.name
        )
        def changed(chunk: list[Row]) -> Iterator[Any]:
            states = [row for row in map(reader.row, chunk) if row]
            new = [row for row in states if known.hash_of(row["row_id"]) != row["row_hash"]]
            if new:
                yield rows_of(table.raw, [row | {"read_at": read_at} for row in new])

        return changed

    def _read(self, table: OpsTable, read_at: datetime, wanted: Plan, error: str | None) -> Row:
        name = f"{self._system_id}\n{table.name}\n{read_at.isoformat()}"
        return {
            "read_id": hashlib.sha256(name.encode()).hexdigest()[:32],
            "system_id": self._system_id,
            "table_name": table.name,
            "rows_there": wanted.there,
            "rows_gone": len(wanted.gone),
            "error": error,
            "read_at": read_at,
        }


def _resource(table: RawTable, name: str, rows: list[Row]) -> Any:
    import dlt

    @dlt.resource(name=name, table_name=table.name)
    def known() -> Iterator[Any]:
        yield rows_of(table, rows)

    return known


SOURCE = Source(
    name=NAME,
    tables=(*(table.raw for table in TABLES), OPS_READ, SYSTEM_REGISTRATION),
    pull=pull,
    options=OpsOptions,
)
