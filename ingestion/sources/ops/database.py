"""An operator's database, of any dialect that SQLAlchemy has a driver for; it is only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from ingestion.sources.ops.changes import Listed, Plan
from ingestion.sources.ops.options import Database
from ingestion.sources.ops.rows import Reader
from ingestion.sources.ops.tables import STAMP, OpsTable
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret, named_secret

CHUNK = 20_000


class Unreadable(Exception):
    """A database or table cannot be read now; the message tells no secret."""


def engine_of(home: Path, system_id: str, chosen: Database) -> sa.Engine:
    """Return the engine of a system's database, which keeps no connection open.

    Raises:
        MobilakeError: the address is missing, or is none, or its driver is not installed.
    """
    address = named_secret(home, chosen.secret).reveal() if chosen.secret else chosen.url
    where = f"[source.ops.databases.{system_id}]"
    try:
        url = sa.make_url(address)
        engine = sa.create_engine(url, hide_parameters=True, poolclass=sa.NullPool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        is_driver = isinstance(error, ModuleNotFoundError)
        why = "its driver is not installed" if is_driver else "SQLAlchemy knows none like it"
        raise MobilakeError(
            f"{where}: the address cannot be used ({why}): it looks like "
            "postgresql+psycopg://user:password@host/database or sqlite:///path."
        ) from None
    file = url.database if url.get_backend_name() == "sqlite" else None
    if file and not Path(file).is_file():
        raise MobilakeError(f"{where}: there is no file {file}.")
    return engine


def reflected(engine: sa.Engine, chosen: Database, table: OpsTable) -> sa.Table | None:
    """Return the table with the columns that are read; None where the database has none like it.

    Raises:
        MobilakeError: a column that names its rows is missing.
        Unreadable: the database does not answer.
    """
    name = chosen.tables.get(table.name, table.name)
    try:
        found = sa.Table(
            name, sa.MetaData(schema=chosen.namespace or None), autoload_with=engine,
            resolve_fks=False,
        )  # fmt: skip
    except NoSuchTableError:
        return None
    except SQLAlchemyError as error:
        raise Unreadable(_told(error, engine)) from None
    if engine.dialect.name == "sqlite":  # which checks no types: values are taken as they are
        for column in found.columns:
            column.type = sa.types.NullType()
    missing = [key for key in table.key if key not in names_of(found, chosen, table)]
    if missing:
        raise MobilakeError(
            f"The table {name} has no column {missing[0]}, which names its rows: say what it is "
            f"called under `columns` of {table.name}."
        )
    return found


def names_of(found: sa.Table, chosen: Database, table: OpsTable) -> dict[str, str]:
    """Return what the database calls the columns that are read, by our names, if it has them."""
    there = {column.name.lower(): column.name for column in found.columns}
    wanted = {name: chosen.columns.get(table.name, {}).get(name, name) for name in table.read}
    return {
        ours: there[theirs.lower()] for ours, theirs in wanted.items() if theirs.lower() in there
    }


def reader_of(
    found: sa.Table, chosen: Database, table: OpsTable, system_id: str, key: Secret
) -> Reader:
    """Return how the rows of a table are read."""
    names = names_of(found, chosen, table)
    return Reader(table, system_id, names, ZoneInfo(chosen.timezone), key)


def stamps_compare(found: sa.Table, reader: Reader) -> bool:
    """Whether the database compares the stamps of a table by time."""
    return STAMP in reader.names and isinstance(
        found.columns[reader.names[STAMP]].type, sa.DateTime
    )


def listed(engine: sa.Engine, found: sa.Table, reader: Reader) -> Iterator[Listed]:
    """Yield key and stamp of every row; rows that nothing names are left out.

    Raises:
        Unreadable: the database does not answer.
    """
    names = [reader.names[name] for name in (*reader.table.key, STAMP) if name in reader.names]
    query = sa.select(*(found.columns[name] for name in names))
    width = len(reader.table.key)
    try:
        with engine.connect() as connection:
            rows = connection.execution_options(yield_per=CHUNK).execute(query)
            for values in rows:
                row_id, stamp = reader.listed(dict(zip(names, values, strict=True)))
                if row_id is not None:
                    raw_stamp = values[width] if len(names) > width else None
                    yield Listed(row_id, stamp, tuple(values[:width]), raw_stamp)
    except SQLAlchemyError as error:
        raise Unreadable(_told(error, engine)) from None


def asked(query: sa.Select[Any], found: sa.Table, reader: Reader, wanted: Plan) -> sa.Select[Any]:
    """Return a query for the rows that a plan asks for."""
    if wanted.whole:
        return query
    keys = [found.columns[reader.names[name]] for name in reader.table.key]
    conditions = [
        sa.and_(*(column == value for column, value in zip(keys, values, strict=True)))
        for values in wanted.keys
    ]
    if wanted.since is not None:
        conditions.append(found.columns[reader.names[STAMP]] >= wanted.since)
    return query.where(sa.or_(*conditions))


def _told(error: SQLAlchemyError, engine: sa.Engine) -> str:
    """Return the first line of what the driver says, without the password if it should echo it."""
    text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    password = engine.url.password
    return text.replace(str(password), "****") if password else text
