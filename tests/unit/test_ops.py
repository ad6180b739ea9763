"""Reading an operations database: values as text, what changed, tombstones, personal data."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingestion.lake import rows_of
from ingestion.pipeline import ingest
from ingestion.privacy import pseudonym
from ingestion.source import Context
from ingestion.sources.gbfs.registry import System, register
from ingestion.sources.ops import SOURCE
from ingestion.sources.ops.changes import ONE_BY_ONE, Known, Listed, plan
from ingestion.sources.ops.rows import Reader, as_text
from ingestion.sources.ops.tables import MOVES, RIDER_REPORTS, TABLES, VEHICLES
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret, pseudonym_key

LISBON = ZoneInfo("Europe/Lisbon")
MINUTE = timedelta(minutes=1)
NAIVE = datetime.fromisoformat("2026-07-01 12:00:00")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NAIVE, "2026-07-01T11:00:00.000000Z"),  # summer time in Lisbon
        (datetime(2026, 7, 1, 12, tzinfo=timezone(-MINUTE * 90)), "2026-07-01T13:30:00.000000Z"),
        ("2026-07-01 12:00:00", "2026-07-01T11:00:00.000000Z"),
        (date(2026, 1, 1), "2026-01-01T00:00:00.000000Z"),
        (1767225600, "2026-01-01T00:00:00.000000Z"),
        ("soon", "soon"),
        (datetime(1, 1, 1, tzinfo=timezone(MINUTE * 90)), "0001-01-01 00:00:00+01:30"),
        (None, None),
    ],
)
def test_times_land_in_utc_whatever_the_database_calls_them(value: Any, text: str | None) -> None:
    assert as_text(value, LISBON, is_time=True) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"), (7.0, "7"), (7.5, "7.5"), (Decimal("7.00"), "7"), (float("inf"), "inf"),
        (True, "true"), (" x ", "x"), ("  ", None), (b"\x01\xff", "01ff"),
    ],
)  # fmt: skip
def test_the_same_value_is_the_same_text_in_any_dialect(value: Any, text: str | None) -> None:
    assert as_text(value, LISBON, is_time=False) == text


def reader(table: Any, key: Secret, names: list[str] | None = None) -> Reader:
    return Reader(table, "oslo", {name: name for name in names or table.read}, LISBON, key)


def test_of_personal_values_none_lands_and_ids_are_pseudonyms(key: Secret) -> None:
    values = {name: f"plain {name}" for name in RIDER_REPORTS.columns}
    row = reader(RIDER_REPORTS, key).row(values)
    assert row is not None
    assert set(row) & {"rider_name", "email", "phone", "message"} == set()
    assert row["rider_id"] == pseudonym("plain rider_id", key)
    assert row["vehicle_id"] == pseudonym("plain vehicle_id", key)
    vehicle = reader(VEHICLES, key).row(dict.fromkeys(VEHICLES.read, "bike-00001"))
    other = reader(VEHICLES, Secret("o" * 40)).row(dict.fromkeys(VEHICLES.read, "bike-00001"))
    assert vehicle is not None
    assert other is not None
    assert vehicle["row_id"] != other["row_id"], "the id of a row is no plain hash of the vehicle's"


def test_a_row_that_nothing_names_is_left_out(key: Secret) -> None:
    values = dict.fromkeys(MOVES.read, "1")
    assert reader(MOVES, key).row(values | {"stop": None}) is None
    assert reader(MOVES, key).listed(values | {"stop": ""})[0] is None


def listed(name: str, minute: int, *, stamp: str | None = "") -> Listed:
    at = datetime(2026, 1, 5, 10, tzinfo=UTC) + minute * MINUTE
    text = as_text(at, LISBON, is_time=True) if stamp == "" else stamp
    return Listed(name, text, (name,), at)


def known(*rows: Listed) -> Known:
    return Known(
        {row.row_id: (row.stamp, "hash") for row in rows}, datetime(2026, 1, 5, tzinfo=UTC)
    )


def test_what_is_read_is_new_changed_late_or_near_the_newest_stamp() -> None:
    before = [listed("old", 0), listed("late_change", 1), listed("gone", 2), listed("newest", 60)]
    now = [
        listed("old", 0),
        listed("late_change", 2),
        listed("late_entry", 3),
        listed("newest", 60),
        listed("near", 58),
        listed("new", 90),
    ]
    found = plan(now, known(*before), 5 * MINUTE, stamps_compare=True)
    assert found.keys == [("late_change",), ("late_entry",)]
    assert found.since == now[4].raw_stamp, "from the first stamp in the overlap on"
    assert found.gone == ["gone"]
    assert (found.there, found.whole, found.reads) == (6, False, True)


def test_where_stamps_are_texts_rows_are_asked_for_by_their_keys() -> None:
    now = [listed("old", 0), listed("newest", 60), listed("new", 90)]
    found = plan(now, known(*now[:2]), 5 * MINUTE, stamps_compare=False)
    assert (found.keys, found.since) == ([("newest",), ("new",)], None)


def test_a_row_without_a_stamp_is_read_each_time_and_many_are_read_whole() -> None:
    bare = listed("bare", 0, stamp=None)
    assert plan([bare], known(bare), MINUTE, stamps_compare=True).keys == [("bare",)]
    many = [listed(str(number), 0) for number in range(ONE_BY_ONE + 1)]
    assert plan(many, Known(), MINUTE, stamps_compare=True).whole


def test_a_table_that_is_empty_now_is_taken_for_a_mistake() -> None:
    found = plan([], known(listed("old", 0)), MINUTE, stamps_compare=True)
    assert (found.gone, found.reads) == ([], False)


def test_the_last_state_that_was_read_counts_and_a_tombstone_ends_it() -> None:
    def state(row_id: str, minute: int, row_hash: str, is_deleted: bool = False) -> dict[str, Any]:
        return {
            "row_id": row_id,
            "system_id": "oslo",
            "updated_at": None,
            "is_deleted": is_deleted,
            "row_hash": row_hash,
            "read_at": datetime(2026, 1, 5, 10, tzinfo=UTC) + minute * MINUTE,
        }

    states = [
        state("back", 3, "again"), state("back", 2, "x", True), state("back", 1, "first"),
        state("gone", 2, "x", True), state("gone", 1, "first"), state("kept", 1, "first"),
    ]  # fmt: skip
    found = Known.of(rows_of(MOVES.raw, states))
    assert found.rows == {"back": (None, "again"), "kept": (None, "first")}
    assert found.read_at == states[0]["read_at"]


Execute = Callable[..., None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "operations.sqlite"


@pytest.fixture
def sql(file: Path) -> Execute:
    def execute(statement: str, *values: object) -> None:
        with sqlite3.connect(file) as connection:
            connection.execute(statement, values)
        connection.close()

    return execute


@pytest.fixture
def connected(context: Context, file: Path) -> Context:
    """A context whose settings name the database, of a system that is registered."""
    register(context.lake, System("oslo", None, "Europe/Oslo"), context.clock())
    databases = {"oslo": {"url": f"sqlite:///{file}", "timezone": "Europe/Oslo"}}
    settings = context.settings.model_copy(update={"source": {"ops": {"databases": databases}}})
    return Context(settings, context.lake, context.clock)


def moves(context: Context) -> list[tuple[object, ...]]:
    """Return what has landed of moves, in no order of time."""
    names = ["move_id", "vehicles", "moved_at", "is_deleted"]
    rows = context.lake.read(MOVES.raw, names).to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=str)


def test_a_file_without_types_or_stamps_is_read_whole_and_lands_what_is_new(
    connected: Context, sql: Execute
) -> None:
    sql("create table Moves (MOVE_ID, stop, vehicles, moved_at, driver)")
    sql("insert into Moves values ('m1', 1, 5, '2026-07-01 12:00', 'Maria Exemplo')")
    sql("insert into Moves values ('m2', 1, 'many', 'soon', 'Maria Exemplo')")
    first = [("m1", "5", "2026-07-01T10:00:00.000000Z", False), ("m2", "many", "soon", False)]
    assert ingest(connected, SOURCE).rows == {"ops_moves": 2, "ops_read": 1}
    assert ingest(connected, SOURCE).rows == {"ops_read": 1}
    assert moves(connected) == first
    sql("update Moves set vehicles = 6 where MOVE_ID = 'm1'")
    sql("delete from Moves where MOVE_ID = 'm2'")
    assert ingest(connected, SOURCE).rows == {"ops_moves": 2, "ops_read": 1}
    changed = ("m1", "6", "2026-07-01T10:00:00.000000Z", False)
    assert moves(connected) == [first[0], changed, first[1], (None, None, None, True)]


def test_tables_and_columns_can_be_called_otherwise(connected: Context, sql: Execute) -> None:
    sql("create table truck_stops (load, stop, bikes, changed)")
    sql("insert into truck_stops values ('m1', 1, 5, '2026-01-05 09:00:00')")
    chosen = connected.settings.source["ops"]["databases"]["oslo"]
    chosen |= {
        "tables": {"moves": "truck_stops"},
        "columns": {"moves": {"move_id": "load", "vehicles": "bikes", "updated_at": "changed"}},
    }
    assert ingest(connected, SOURCE).rows == {"ops_moves": 1, "ops_read": 1}
    assert moves(connected) == [("m1", "5", None, False)]


def test_a_row_that_was_read_first_by_a_killed_pass_lands_also_when_its_package_is_lost(
    connected: Context, sql: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer row has landed, the older one has not: no cursor may step over it."""
    sql("create table moves (move_id, stop, vehicles, moved_at, updated_at)")
    sql("insert into moves values ('new', 1, 5, null, '2026-01-05 11:00:00')")
    ingest(connected, SOURCE)
    sql("insert into moves values ('old', 1, 5, null, '2026-01-01 11:00:00')")
    assert ingest(connected, SOURCE).rows == {"ops_moves": 1, "ops_read": 1}
    assert [row[0] for row in moves(connected)] == ["new", "old"]


def test_no_database_is_nothing_new_and_is_said(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ingest(context, SOURCE).rows == {}
    assert "no database is set up" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"url": "sqlite:////nowhere/at/all.db"}, "there is no file"),
        ({"url": "nonsense"}, "SQLAlchemy knows none like it"),
        ({"url": "nosuch://host/base"}, "SQLAlchemy knows none like it"),
        ({"secret": "ops_oslo"}, "MOBILAKE_SECRET_OPS_OSLO"),
        ({"url": "postgresql://user:swordfish@host/base"}, "is a secret"),
        ({}, "either `secret` or"),
        ({"url": "sqlite:///x", "tables": {"orders": "x"}}, "orders is none of"),
        ({"url": "sqlite:///x", "columns": {"moves": {"driver": "x"}}}, "no column that is read"),
        ({"url": "sqlite:///x", "timezone": "Mars"}, "no time zone"),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_mend_and_without_a_password(
    connected: Context, chosen: dict[str, object], said: str
) -> None:
    connected.settings.source["ops"]["databases"] = {"oslo": chosen}
    with pytest.raises(MobilakeError, match=said) as caught:
        ingest(connected, SOURCE)
    assert "swordfish" not in str(caught.value)


def test_a_database_without_our_tables_or_of_an_unknown_system_is_refused(
    connected: Context, sql: Execute
) -> None:
    sql("create table other (id)")
    with pytest.raises(MobilakeError, match="has none of the tables"):
        ingest(connected, SOURCE)
    databases = connected.settings.source["ops"]["databases"]
    databases["bergen"] = databases.pop("oslo")
    with pytest.raises(MobilakeError, match="no system that is registered"):
        ingest(connected, SOURCE)


def test_a_database_that_does_not_answer_is_a_row_and_stops_nobody(
    connected: Context, sql: Execute, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_bytes(b"this is no database at all" * 100)
    assert ingest(connected, SOURCE).rows == {"ops_read": 5}
    assert "cannot be read" in caplog.text


def test_the_key_makes_the_same_pseudonyms_as_trip_files(connected: Context, sql: Execute) -> None:
    sql("create table vehicles (vehicle_id, status)")
    sql("insert into vehicles values (' bike-00001', 'in service')")
    ingest(connected, SOURCE)
    key = pseudonym_key(connected.settings.home)
    found = connected.lake.read(VEHICLES.raw, ["vehicle_id"]).to_pylist()
    assert found == [{"vehicle_id": pseudonym("bike-00001", key)}]


def test_who_is_erased_goes_from_what_landed() -> None:
    subjects = {
        (table.name, subject.column): subject.manner
        for table in TABLES
        for subject in table.raw.subjects
    }
    assert subjects == {
        ("vehicles", "vehicle_id"): "row",
        ("work_orders", "vehicle_id"): "blank",
        ("inspections", "vehicle_id"): "blank",
        ("rider_reports", "vehicle_id"): "blank",
        ("rider_reports", "rider_id"): "blank",
    }
