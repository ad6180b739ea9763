"""The service of the present, on a small project: what it does when things change or go wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from ingestion.lake import Lake
from ingestion.raw import RawTable
from ingestion.source import Context
from mobilake.errors import MobilakeError
from mobilake.settings import Settings
from serving.live import http, service
from serving.live.database import SLICE_BYTES, _in_slices
from serving.live.models import Model, Project

READING = RawTable(
    name="reading",
    description="One row per reading.",
    columns=pa.schema([pa.field("reading_id", pa.string()), pa.field("level", pa.int64())]),
    key="reading_id",
)
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def model(name: str, sql: str, raws: tuple[str, ...] = (), **live: Any) -> Model:
    schema = "bronze" if raws else "gold"
    catalogue = "memory" if raws else "marts"
    relation = f'"{catalogue}"."{schema}"."{name}"'
    columns = ("reading_id", "level")
    return Model(name, relation, schema, sql, raws, frozenset({"reading"}), "…", columns, live)


PROJECT = Project(
    (
        model("stg_reading", "select reading_id, level from raw.reading", ("reading",)),
        model("fct_reading", "select * from memory.bronze.stg_reading", key="reading_id"),
    ),
    (),
    frozenset({'"memory"."bronze"', '"marts"."gold"'}),
)


@pytest.fixture
def lake(settings: Settings) -> Lake:
    return Lake(str(settings.home / "lake"), lambda: NOW)


@pytest.fixture
def live(settings: Settings, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> service.Live:
    """A generation that knows reading a, and nothing that landed since."""
    generate(settings, 1, ("a", 1))
    lake.open(READING)
    monkeypatch.setattr(service, "read_project", lambda settings: PROJECT)
    monkeypatch.setattr(service, "LOOK_AT_CODE_S", 0.0)
    context = Context(settings, lake, lambda: NOW)
    return service.Live(context, {"reading": READING})


def generate(settings: Settings, number: int, *rows: tuple[str, int], held: str = "{}") -> None:
    settings.serving.mkdir(parents=True, exist_ok=True)
    file = settings.serving / f"marts-{number:06}.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema gold")
        connection.execute(
            "create table gold.publication as "
            f"select {number} as generation, '{held}' as held, "
            "timestamp '2026-01-05 11:30:00' as landed_until"
        )
        connection.execute("create table gold.fct_reading (reading_id varchar, level bigint)")
        connection.executemany("insert into gold.fct_reading values (?, ?)", rows)
    settings.marts.unlink(missing_ok=True)
    settings.marts.symlink_to(file.name)


def land(lake: Lake, *rows: tuple[str, int]) -> None:
    names, levels = zip(*rows, strict=True)
    lake.append(READING, pa.table({"reading_id": list(names), "level": list(levels)}))


def told(live: service.Live) -> list[tuple[str, int]]:
    return sorted((row["reading_id"], row["level"]) for row in live.ask("fct_reading", {}))


def test_what_landed_is_added_to_what_is_published_once(live: service.Live, lake: Lake) -> None:
    assert told(live) == [("a", 1)]
    land(lake, ("a", 1), ("b", 2))
    assert live.refresh() == 2
    assert told(live) == [("a", 1), ("b", 2)]
    land(lake, ("b", 2), ("c", 3))
    assert live.refresh() == 1
    assert told(live) == [("a", 1), ("b", 2), ("c", 3)]
    assert live.refresh() == 0


def test_files_that_were_merged_are_read_anew(live: service.Live, lake: Lake) -> None:
    for number in range(3):
        land(lake, (f"r{number}", number))
        live.refresh()
    before = told(live)
    lake.compact(READING)
    live.refresh()
    assert told(live) == before


def test_a_row_that_was_taken_out_of_the_lake_is_gone(live: service.Live, lake: Lake) -> None:
    land(lake, ("b", 2), ("c", 3))
    live.refresh()
    lake.open(READING).delete("reading_id = 'b'")
    live.refresh()
    assert told(live) == [("a", 1), ("c", 3)]


def test_nothing_is_told_while_nothing_is_published(live: service.Live, settings: Settings) -> None:
    settings.marts.unlink()
    with pytest.raises(service.Withdrawn):
        live.refresh()
    client = TestClient(http.application(live, None))
    assert client.get("/v1/live/fct_reading").status_code == 503
    generate(settings, 2, ("z", 9))
    live.refresh()
    assert told(live) == [("z", 9)]


def test_models_that_are_broken_leave_the_ones_before(
    live: service.Live, lake: Lake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(settings: Settings) -> Project:
        raise MobilakeError("fct_reading: no such column")

    (settings.root / "models").mkdir(exist_ok=True)
    (settings.root / "models" / "fct_reading.sql").write_text("select nothing")
    monkeypatch.setattr(service, "read_project", broken)
    land(lake, ("b", 2))
    for _ in range(2):  # it is said for as long as it is so
        with pytest.raises(MobilakeError, match="no such column"):
            live.refresh()
    assert told(live) == [("a", 1), ("b", 2)]
    twice = Project(
        (
            PROJECT.models[0],
            model(
                "fct_reading",
                "select reading_id, 2 * level as level from memory.bronze.stg_reading",
                key="reading_id",
            ),
        ),
        (),
        PROJECT.schemas,
    )
    (settings.root / "models" / "fct_reading.sql").write_text("select twice")
    monkeypatch.setattr(service, "read_project", lambda settings: twice)
    live.refresh()
    assert told(live) == [("a", 1), ("b", 4)]


def test_a_raw_table_that_is_gone_is_not_made_anew(
    live: service.Live, lake: Lake, tmp_path: Path
) -> None:
    place = Path(lake.uri(READING))
    place.rename(tmp_path / "unmounted")
    with pytest.raises(MobilakeError, match="is its disk mounted"):
        live.refresh()
    assert not place.exists()
    (tmp_path / "unmounted").rename(place)
    land(lake, ("b", 2))
    live.refresh()
    assert told(live) == [("a", 1), ("b", 2)]


def test_answers_are_rows_of_models_and_of_nothing_else(live: service.Live) -> None:
    client = TestClient(http.application(live, None))
    assert client.get("/v1/live").json()["models"][0]["name"] == "fct_reading"
    assert client.get("/v1/live/fct_reading?reading_id=a").json()["rows"] == [
        {"reading_id": "a", "level": 1}
    ]
    assert client.get("/v1/live/fct_reading?reading_id=a' or 'x' = 'x").json()["rows"] == []
    assert client.get("/v1/live/fct_reading?reading_id=a&limit=0").json()["rows"] == []
    for question, status in (
        ("stg_reading", 404), ("fct_reading?level\" or 1=1 --=2", 404),
        ("fct_reading?limit=x", 400),
        (f"fct_reading?limit={'9' * 5000}", 400),
    ):  # fmt: skip
        assert client.get(f"/v1/live/{question}").status_code == status
    assert client.get("/health").json() == {
        "generation": "marts-000001", "behind_s": pytest.approx(0, abs=30), "trouble": None,
    }  # fmt: skip


def test_raw_rows_are_taken_in_by_portions_that_memory_bears() -> None:
    third = SLICE_BYTES // 3
    groups = [(("x", 10 * n, 10 * n + 9), third) for n in range(4)] + [(("y", 0, 9), 9 * third)]
    assert list(_in_slices(iter(groups))) == [[("x", 0, 29)], [("x", 30, 39)], [("y", 0, 9)]]
