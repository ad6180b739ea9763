"""What goes wrong outside gets a recorded outcome; a user's mistake gets one sentence."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from simulator.clock import SimulatedClock
from simulator.faults import Fault, FaultKind
from simulator.server import serving

BODIES = {
    "empty": "",
    "cut off": '{"last_updated": 1700000000, "ttl": 60, "data": {"stations": [{"station_id": "a"',
    "a web page": "<!doctype html><title>503</title>",
    "not an object": "[1, 2, 3]",
    "stations are no list": '{"last_updated": 1, "ttl": 60, "data": {"stations": "none"}}',
    "counts are words": (
        '{"last_updated": 1700000000, "ttl": 60, "version": "2.3", "data": {"stations": ['
        '{"station_id": "a", "num_bikes_available": "many", "is_installed": "perhaps"}]}}'
    ),
    "no station id": '{"last_updated": 1, "data": {"stations": [{"num_bikes_available": 1}]}}',
    "absurd numbers": (
        '{"last_updated": 1e300, "ttl": -1, "version": 2.3, "data": {"stations": '
        '[{"station_id": "a", "num_bikes_available": 99999999999, "last_reported": -1}]}}'
    ),
    "null": "null",
}


@pytest.fixture
def odd_recording(tmp_path: Path) -> Path:
    """One poll a minute, each odd in its own way, with a good one between."""
    good = json.dumps(
        {
            "last_updated": 1700000000,
            "ttl": 60,
            "version": "2.3",
            "data": {
                "stations": [
                    {
                        "station_id": "a",
                        "num_bikes_available": 3,
                        "num_docks_available": 2,
                        "is_installed": True,
                        "is_renting": True,
                        "is_returning": True,
                        "last_reported": 1700000000,
                    }
                ]
            },
        }
    )
    start = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    bodies = [body for odd in BODIES.values() for body in (good, odd)] + [good]
    lines = [
        json.dumps({"fetched_at": (start + timedelta(minutes=n)).isoformat(), "body": body})
        for n, body in enumerate(bodies)
    ]
    file = tmp_path / "odd.jsonl"
    file.write_text("\n".join([*lines, '{"fetched_at": "2023', '{"body": "x"}', "7", ""]))
    return file


def test_odd_bodies_are_recorded_and_the_rest_is_read(workspace, odd_recording):
    said = workspace.import_history("station_status", odd_recording)
    good = len(BODIES) + 1
    received = good + len(BODIES) + 3
    assert f"{received} received = {received - 3} new + 0 known already + 3 quarantined" in said
    workspace.models("fct_feed_fetch", "fct_station_state", tested=True)
    outcomes = dict(workspace.ask("select outcome, count(*) from fct_feed_fetch group by 1"))
    assert sum(outcomes.values()) == received - 3
    assert outcomes["empty_body"] == 1
    assert outcomes["not_json"] == 2
    assert outcomes["ok"] >= good
    seen = workspace.ask(
        "select sum(observations) from fct_station_state where vehicles_available = 3"
    )
    assert seen == [(good,)]


def test_a_backlog_without_bodies_is_read_at_once(workspace, tmp_path, monkeypatch):
    """Answers of 304 have no size: as many as there are fit into the least slice."""
    for number in range(3):
        seen = hashlib.sha256(b"{}").hexdigest()
        line = {"fetched_at": f"2026-01-05T12:0{number}:00Z", "body": None}
        file = tmp_path / f"{number}.jsonl"
        file.write_text(json.dumps(line | {"http_status": 304, "sha256": seen}) + "\n")
        workspace.import_history("station_status", file)
    monkeypatch.setenv("MOBILAKE_SLICE_MB", "1")
    workspace.models("stg_gbfs__fetch")
    assert workspace.bronze("select count(*) from bronze.stg_gbfs__fetch") == [(3,)]


def test_failed_requests_are_rows_too(workspace, city):
    kinds = {
        FaultKind.HTTP_500: ("station_status", "http_500"),
        FaultKind.HTTP_404: ("vehicle_types", "http_404"),
        FaultKind.TIMEOUT: ("station_information", "timeout"),
    }
    until = city.until
    faults = [
        Fault(f"F{n}", kind, "R8", feed, until - timedelta(hours=1), until + timedelta(hours=1))
        for n, (kind, (feed, _)) in enumerate(kinds.items())
    ]
    with serving(city.world.city, SimulatedClock(until, 1.0), faults=faults) as url:
        workspace.run("systems", "add", f"{url}/gbfs.json")
        said = workspace.run("ingest", "gbfs", MOBILAKE_HTTP__TIMEOUT_S="2")
    assert "13 gbfs_fetch" in said
    workspace.models("fct_feed_fetch")
    rows = dict(workspace.ask("select feed, outcome from fct_feed_fetch"))
    assert {feed: rows[feed] for feed, _ in kinds.values()} == dict(kinds.values())
    assert rows["gbfs"] == rows["system_information"] == "ok"


def test_nothing_landed_yet(tides):
    assert "run `mobilake ingest`" in tides.run("build", code=1)
    finished = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build"],
        cwd=tides.root,
        env=os.environ
        | {
            "MOBILAKE_HOME": str(tides.home),
            "DBT_TARGET_PATH": str(tides.home / "t"),
            "DBT_LOG_PATH": str(tides.home / "t"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    assert "Nothing has landed" in finished.stdout


def test_a_second_writer_is_told_to_wait(tides):
    tides.run("ingest")
    with duckdb.connect(str(tides.home / "warehouse.duckdb")):
        said = tides.run("build", code=1)
    assert "being written by another process" in said
    assert "Traceback" not in said


@pytest.mark.skipif(
    not shutil.which("mount") or os.geteuid() != 0, reason="needs root, to mount a small disk"
)
def test_a_full_disk_is_one_sentence_and_loses_nothing(workspace, city):
    disk = workspace.home
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        files = city.files["station_status"]
        said = workspace.import_history("station_status", *files, code=1)
        assert "The disk is full" in said
        assert "Traceback" not in said
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        again = workspace.import_history("station_status", *files)
        assert " 0 quarantined" in again
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
