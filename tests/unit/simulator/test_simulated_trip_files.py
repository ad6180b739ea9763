"""The trip files of the simulated city: every ride of a day, and dirt where the ledger says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.home import World, open_world
from simulator.trip_files import DEPOT, DIRT, write_trip_files

UNTIL = datetime(2026, 1, 12, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    home = tmp_path_factory.mktemp("city")
    return open_world(home, since=UNTIL - timedelta(days=6), until=UNTIL, stations=10, scooters=0)


@pytest.fixture(scope="module")
def files(world: World) -> list[Path]:
    return write_trip_files(world.city, world.home, UNTIL)


def test_each_whole_day_has_a_file_and_the_family_changes_once(files: list[Path]) -> None:
    assert [file.stem[-10:] for file in files] == [f"2026-01-{day:02}" for day in range(7, 12)]
    families = [file.read_text(encoding="utf-8").split(",")[0] for file in files]
    assert families == ["tripduration"] * 3 + ["ride_id"] * 2


def test_what_was_published_is_not_written_again(world: World, files: list[Path]) -> None:
    assert write_trip_files(world.city, world.home, UNTIL) == []
    assert len(write_trip_files(world.city, world.home, UNTIL + timedelta(days=1))) == 1


def test_what_is_planted_stands_in_the_ledger(world: World, files: list[Path]) -> None:
    ledger = world.home / "ledger" / "trip_files-2026-01-11.parquet"
    planted = {row["kind"]: row for row in pq.read_table(ledger).to_pylist()}
    assert {kind: row["expected_rule"] for kind, row in planted.items()} == DIRT
    lines = files[-1].read_text(encoding="utf-8").splitlines()
    soiled = {kind: lines[row["line"] - 1] for kind, row in planted.items()}
    assert soiled["cut_line"] == planted["cut_line"]["trip_id"]
    assert f",{DEPOT}," in soiled["depot"]
    assert soiled["cut_time"].split(",")[2][2] == ":"
