"""The trip files of the simulated city: every ride of a day, and dirt where the ledger says."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.home import World, open_world
from simulator.trip_dirt import DEPOT, DIRT
from simulator.trip_files import write_trip_files

UNTIL = datetime(2026, 1, 12, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    home = tmp_path_factory.mktemp("city")
    return open_world(home, since=UNTIL - timedelta(days=6), until=UNTIL, stations=10, scooters=0)


@pytest.fixture(scope="module")
def files(world: World) -> list[Path]:
    return write_trip_files(world.city, world.home, UNTIL)


def test_each_whole_day_has_a_file_and_the_family_changes(files: list[Path]) -> None:
    issues = [file for file in files if file.parent.name == "trips"]
    assert [file.stem[-10:] for file in issues] == [f"2026-01-{day:02}" for day in range(7, 12)]
    headers = [file.read_text(encoding="utf-8").split(",")[:2] for file in issues]
    assert headers == [
        ["tripduration", "starttime"],
        ["tripduration", "starttime"],
        ["Duration (ms)", "Start date"],
        ["started_at", "ended_at"],
        ["ride_id", "rideable_type"],
    ]


def test_what_was_published_is_not_written_again(world: World, files: list[Path]) -> None:
    assert write_trip_files(world.city, world.home, UNTIL) == []
    (european,) = write_trip_files(world.city, world.home, UNTIL + timedelta(days=1))
    lines = european.read_text(encoding="utf-8").splitlines()
    assert {line.count(";") for line in lines} == {0, 14}
    assert {line.endswith(";;") for line in lines if ";" in line} == {True}


def test_the_first_file_is_corrected_under_its_own_name(files: list[Path]) -> None:
    first, corrected = files[:2]
    assert first.name == corrected.name
    short, whole = (file.read_text(encoding="utf-8").splitlines() for file in (first, corrected))
    assert len(short) < len(whole)
    assert whole[: len(short)] == short


@pytest.mark.parametrize("place", range(2, 6))
def test_what_is_planted_stands_in_the_ledger(world: World, files: list[Path], place: int) -> None:
    file = files[place]
    ledger = world.home / "ledger" / f"trip_files-{file.stem[-10:]}.parquet"
    planted = {row["kind"]: row for row in pq.read_table(ledger).to_pylist()}
    lines = file.read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    family = ["T1", "T4", "T6", "T2"][place - 2]
    extra = {"T1": {"same_bike", "repeated"}, "T4": {"same_bike"}}.get(family, set())
    expected = {kind for kind, dirt in DIRT.items() if family in dirt.families}
    assert planted.keys() == expected | extra
    soiled = {kind: lines[row["line"] - 1] for kind, row in planted.items()}
    assert "," not in soiled["cut_line"]
    assert f",{DEPOT}," in soiled["depot"]
    clean = [line for line in lines[1:] if line.count(",") >= len(header) - 1]
    assert len(clean) == len(lines) - 2
    assert re.search(r"(^|,)\d\d:\d\d\.0(,|$)", soiled["cut_time"])
    assert not any(
        row["expected_rule"] == "" and row["is_quarantined"]
        for row in planted.values()
        if row["kind"] != "cut_line"
    )
