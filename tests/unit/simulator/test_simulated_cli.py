"""The command line founds a city, goes on with it, and serves it."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from simulator import FaultKind, HomeError, open_world
from simulator.cli import app

ROOT = Path(__file__).parents[3]
SMALL = ["--days", "1", "--stations", "6", "--interval", "600"]
START = datetime(2026, 1, 5, tzinfo=UTC)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout


def test_record_prints_what_is_new_and_goes_on_later(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path)]
    code, first = run("record", *home, *SMALL, "--until", "2026-01-06T00:00:00Z")
    assert code == 0
    assert len(first.split()) == 12
    code, second = run("record", *home, "--interval", "600", "--until", "2026-01-06T02:00:00Z")
    assert code == 0
    assert {Path(line).name[-20:] for line in second.split()} == {"2026-01-06.jsonl.zst"}
    assert json.loads((tmp_path / "city.json").read_text()) == {
        "seed": 7,
        "started_on": "2026-01-05",
        "stations": 6,
        "scooters": 6,
        "has_faults": True,
        "faults_since": "2026-01-05T00:00:00Z",
        "faults_until": "2026-01-06T00:00:00Z",
    }


@pytest.mark.parametrize(("version", "files"), [("1.1", 9), ("3.0", 10)])
def test_record_speaks_other_versions(tmp_path: Path, version: str, files: int) -> None:
    code, printed = run(
        "record", "--home", str(tmp_path), *SMALL, "--until", "2026-01-06", "--version", version
    )
    assert code == 0
    assert len(printed.split()) == files
    assert {Path(line).parent.name for line in printed.split()} == {f"history-{version}"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", "8"],
        ["--scooters", "0"],
        ["--until", "yesterday"],
        ["--until", "2020-01-01"],
        ["--version", "2.2"],
    ],
    ids=["another city", "other scooters", "no time", "before the city", "no such version"],
)
def test_record_says_what_is_wrong(tmp_path: Path, arguments: list[str]) -> None:
    open_world(tmp_path, since=START, until=START + timedelta(days=1), seed=7, stations=6)
    code, printed = run("record", "--home", str(tmp_path), *arguments)
    assert code == 2
    assert printed == ""


def test_a_world_opens_as_it_was_founded(tmp_path: Path) -> None:
    until = START + timedelta(days=30)
    founded = open_world(tmp_path, since=START + timedelta(hours=9), until=until, stations=6)
    opened = open_world(tmp_path, since=until, until=until + timedelta(days=30))
    assert founded.city.stations == opened.city.stations
    assert opened.city.started_on == START.date()
    assert founded.faults == opened.faults
    assert len(founded.faults) >= 8
    with pytest.raises(HomeError, match="stations 6, not 7"):
        open_world(tmp_path, since=START, until=until, stations=7)


def test_a_city_founded_before_there_were_scooters_goes_on_without(tmp_path: Path) -> None:
    open_world(tmp_path, since=START, until=START + timedelta(days=1), seed=7, stations=6)
    kept = json.loads((tmp_path / "city.json").read_text())
    del kept["scooters"]
    (tmp_path / "city.json").write_text(json.dumps(kept))
    world = open_world(tmp_path, since=START, until=START)
    assert (world.city.scooters, world.city.hubs) == (0, ())
    assert FaultKind.GEOFENCE_BREACH not in {fault.kind for fault in world.faults}


def test_a_world_without_faults_has_none(tmp_path: Path) -> None:
    until = START + timedelta(days=30)
    world = open_world(tmp_path, since=START, until=until, stations=6, has_faults=False)
    assert world.faults == ()


def test_serve_announces_itself_and_answers(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulator", "serve", "--home", str(tmp_path)]
    command += ["--stations", "6", "--starts-at", "2026-01-05T10:00:00Z"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            gbfs_url = server.stdout.readline().strip()
            announced = json.loads((tmp_path / "server.json").read_text())
            assert announced["gbfs_url"] == gbfs_url
            document = httpx.get(gbfs_url, timeout=30).raise_for_status().json()
            assert 0 <= document["last_updated"] - START.timestamp() - 36_000 <= 60
        finally:
            server.terminate()
    assert server.returncode is not None
