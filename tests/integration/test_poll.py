"""`mobilake poll` as a user runs it, against the simulated city over real HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingestion.lake import Lake
from ingestion.sources.gbfs.registry import System, register
from ingestion.sources.gbfs.tables import GBFS_FETCH
from simulator.clock import SimulatedClock
from simulator.home import World, open_world
from simulator.server import serving

TOKEN = "PLANTED-s3cret"
COLUMNS = [
    "fetch_id", "system_id", "feed", "requested_at", "http_status", "sha256", "body", "error",
]  # fmt: skip
PATIENCE_S = 30


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A small city without faults."""
    home = tmp_path_factory.mktemp("city")
    since = now() - timedelta(hours=3)
    return open_world(home, since=since, until=now(), seed=5, stations=12, has_faults=False)


@pytest.fixture
def city(world: World) -> Iterator[str]:
    """The address of its index; a minute there takes three seconds."""
    with serving(world.city, SimulatedClock(now() - timedelta(hours=1), 20.0)) as url:
        yield f"{url}/gbfs.json"


def lake_of(workspace) -> Lake:
    return Lake(str(workspace.home / "lake"), now)


def add(workspace, system_id: str, url: str) -> None:
    register(lake_of(workspace), System(system_id, url, "UTC"), now())


def rows(workspace) -> list[dict[str, object]]:
    found = lake_of(workspace).read(GBFS_FETCH, COLUMNS).to_pylist()
    return sorted(found, key=lambda row: row["requested_at"])


def heartbeat(workspace) -> dict[str, object]:
    file = workspace.home / "heartbeats" / "poll.json"
    return json.loads(file.read_text()) if file.exists() else {"polls": 0}


def await_that(holds: Callable[[], object]) -> None:
    deadline = now() + timedelta(seconds=PATIENCE_S)
    pause = threading.Event()
    while not holds():
        assert now() < deadline, "it did not come to that in time"
        pause.wait(0.25)


def landed(workspace, feed: str, polls: int) -> Callable[[], bool]:
    return lambda: sum(row["feed"] == feed for row in rows(workspace)) >= polls


@contextmanager
def polling(workspace, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the service; whatever happens, it does not outlive the test."""
    service = workspace.start("poll", "--every", "1", MOBILAKE_POLL__FLUSH_S="1", **environment)
    try:
        yield service
    finally:
        service.kill()
        service.communicate()


def end(service: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    service.send_signal(number)
    printed, _ = service.communicate(timeout=PATIENCE_S)
    assert service.returncode == 0, printed
    return printed


def everything(folder: Path) -> str:
    files = [file for file in folder.rglob("*") if file.is_file()]
    tables = [pq.read_table(file).to_pylist() for file in files if file.suffix == ".parquet"]
    return b"".join(file.read_bytes() for file in files).decode("latin-1") + repr(tables)


def test_a_system_with_a_token_is_polled_until_the_service_is_told_to_stop(workspace, world):
    clock = SimulatedClock(now() - timedelta(hours=1), 20.0)
    secret = {"MOBILAKE_SECRET_CITY": TOKEN, "MOBILAKE_LOG_LEVEL": "DEBUG"}
    with serving(world.city, clock, token=TOKEN) as url:
        words = ("systems", "add", f"{url}/gbfs.json", "--auth", "header:X-API-Key")
        said = workspace.run(*words, "--secret", "city", **secret)
        with polling(workspace, **secret) as service:
            await_that(landed(workspace, "station_status", 6))
            refused_too = workspace.run("poll", code=1)
            said += end(service)
    assert "Another process is at it already (poll" in refused_too
    found = rows(workspace)
    counted = Counter(row["http_status"] for row in found)
    assert set(counted) == {200, 304}
    assert f"Stopped: {len(found):,} polls, 0 errors, {counted[304]:,} not modified" in said
    bodies = {(row["feed"], row["sha256"]) for row in found if row["http_status"] == 200}
    for row in found:
        assert row["error"] is None
        assert (row["feed"], row["sha256"]) in bodies
        assert (row["body"] is None) == (row["http_status"] == 304)
    assert len({row["fetch_id"] for row in found}) == len(found)
    assert len({sha for feed, sha in bodies if feed == "station_status"}) > 1
    assert heartbeat(workspace)["polls"] == len(found)
    assert TOKEN not in said + everything(workspace.home)


def test_a_killed_service_leaves_whole_commits_and_the_next_one_goes_on(workspace, city):
    add(workspace, "city", city)
    with polling(workspace) as service:
        await_that(landed(workspace, "station_status", 3))
        service.kill()
        service.wait()
    before = rows(workspace)
    polls = sum(row["feed"] == "station_status" for row in before)
    with polling(workspace) as service:
        await_that(landed(workspace, "station_status", polls + 3))
        said = end(service, signal.SIGINT)
    after = rows(workspace)
    assert after[: len(before)] == before
    assert f"Stopped: {len(after) - len(before):,} polls" in said
    assert len({row["fetch_id"] for row in after}) == len(after)


def test_systems_that_never_answer_delay_nobody_and_files_are_merged_meanwhile(workspace, city):
    """Two systems accept the connection and stay silent for ever."""
    add(workspace, "city", city)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/gbfs.json"
        for number in range(2):
            add(workspace, f"silent_{number}", url)
        with polling(workspace, MOBILAKE_HTTP__TIMEOUT_S="2") as service:
            await_that(landed(workspace, "station_status", 4))
            merged = workspace.run("maintain")
            await_that(landed(workspace, "station_status", 7))
            await_that(lambda: any(row["error"] == "timeout" for row in rows(workspace)))
            said = end(service)
    found = rows(workspace)
    assert "gbfs_fetch: " in merged
    assert " are 1 now, 0 old ones removed" in merged
    assert f"Stopped: {len(found):,} polls" in said
    moments = [row["requested_at"] for row in found if row["feed"] == "station_status"]
    assert max(after - before for before, after in pairwise(moments)) < timedelta(seconds=2)
    outcomes = {row["error"] for row in found if str(row["system_id"]).startswith("silent")}
    assert outcomes == {"timeout"}


@pytest.mark.skipif(
    not shutil.which("mount") or os.geteuid() != 0, reason="needs root, to mount a small disk"
)
def test_a_full_disk_loses_no_poll(workspace, city):
    disk = workspace.home
    disk.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if subprocess.run(small, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        add(workspace, "city", city)
        (disk / "ballast").write_bytes(os.urandom(130_000))
        with polling(workspace) as service:
            assert service.stdout is not None
            line = ""
            while "The lake takes no rows (The disk is full" not in line:
                line = service.stdout.readline()
                assert line, "the service ended"
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            said = end(service)
        assert f"Stopped: {len(rows(workspace)):,} polls" in said
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
