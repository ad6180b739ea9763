"""The operator's database itself, of any dialect: brought to a moment, as its programs would."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from simulator.city import City
from simulator.home import replacing
from simulator.moments import to_datetime, to_seconds
from simulator.operations import TABLES, Wrong, book_at

_TEXTS = {
    "vehicles": ("vehicle_id", "vehicle_type", "status"),
    "work_orders": (
        "work_order_id", "kind", "status", "station_ref", "vehicle_id", "assigned_to",
    ),
    "moves": ("move_id", "work_order_id", "kind", "station_ref"),
    "inspections": (
        "inspection_id", "work_order_id", "station_ref", "vehicle_id", "inspector", "result",
        "note",
    ),
    "rider_reports": (
        "report_id", "work_order_id", "station_ref", "vehicle_id", "category", "status",
        "rider_id", "rider_name", "email", "phone", "message",
    ),
}  # fmt: skip
_NUMBERS = {"moves": ("stop", "vehicles")}
_TIMES = {
    "vehicles": ("in_service_at", "retired_at"),
    "work_orders": ("opened_at", "started_at", "completed_at", "cancelled_at"),
    "moves": ("moved_at",),
    "inspections": ("inspected_at",),
    "rider_reports": ("reported_at", "resolved_at"),
}


def tables() -> dict[str, sa.Table]:
    """Return the tables of the database; times are UTC."""
    metadata = sa.MetaData()
    made = {}
    for name in TABLES:
        texts, numbers = _TEXTS[name], _NUMBERS.get(name, ())
        key = (texts[0], *numbers[:1])
        made[name] = sa.Table(
            name,
            metadata,
            *(sa.Column(one, sa.Text, primary_key=one in key) for one in texts),
            *(sa.Column(one, sa.Integer, primary_key=one in key) for one in numbers),
            *(sa.Column(one, sa.DateTime) for one in _TIMES[name]),
            sa.Column("updated_at", sa.DateTime, nullable=False, index=True),
        )
    return made


def operations_file(home: Path) -> Path:
    """Return the city's own database, a file in its home."""
    return home / "operations.sqlite"


def operations_url(home: Path) -> str:
    """Return its address."""
    return f"sqlite:///{operations_file(home)}"


def write_operations(city: City, home: Path, until: datetime, url: str | None = None) -> str:
    """Bring the database to a moment, in one transaction, and return its address.

    Rows that came, changed or went since are inserted, updated and deleted; all others are left
    alone. What is wrong about it stands in ``ledger/operations.parquet``.
    """
    book = book_at(city, to_seconds(until))
    address = url or operations_url(home)
    home.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for name, table in tables().items():
            table.create(connection, checkfirst=True)
            rows = [_as_stored(table, row) for row in book.tables[name]]
            _bring(connection, table, rows)
    _write_ledger(home / "ledger" / "operations.parquet", book.wrongs)
    return address


def _bring(connection: sa.Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
    keys = [column.name for column in table.primary_key]
    before = {
        tuple(row[key] for key in keys): dict(row)
        for row in connection.execute(sa.select(table)).mappings()
    }
    after = {tuple(row[key] for key in keys): row for row in rows}
    changed = [row for key, row in after.items() if before.get(key) != row]
    dropped = [key for key in before if after.get(key) != before[key]]
    if dropped:
        condition = sa.and_(*(table.c[key] == sa.bindparam(f"old_{key}") for key in keys))
        connection.execute(
            table.delete().where(condition),
            [{f"old_{key}": one for key, one in zip(keys, old, strict=True)} for old in dropped],
        )
    if changed:
        connection.execute(table.insert(), changed)


def _as_stored(table: sa.Table, row: dict[str, object]) -> dict[str, object]:
    return {
        column.name: to_datetime(value).replace(tzinfo=None)
        if isinstance(column.type, sa.DateTime) and isinstance(value, int)
        else value
        for column in table.columns
        for value in (row[column.name],)
    }


def _write_ledger(path: Path, wrongs: list[Wrong]) -> None:
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("fault_id", "kind", "table", "row_key")),
            ("shown_from", pa.timestamp("us", tz="UTC")),
            ("shown_until", pa.timestamp("us", tz="UTC")),
        ]
    )
    rows = [
        {name: getattr(wrong, name) for name in ("fault_id", "kind", "table", "row_key")}
        | {"shown_from": to_datetime(wrong.shown_from)}
        | {"shown_until": None if wrong.shown_until is None else to_datetime(wrong.shown_until)}
        for wrong in wrongs
    ]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)
