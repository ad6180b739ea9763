"""The run as a Prefect flow on a running server: states, counts, the summary artifact."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest


@pytest.fixture
def prefect_server(tmp_path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", f"--port={port}"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait(url)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def test_a_run_shows_its_counts_and_a_summary(tides, prefect_server):
    (tides.home / "inbox").mkdir(parents=True)
    (tides.home / "inbox" / "a.csv").write_text("gauge_id,read_at,level_m\na,2026-01-05T12:00,1\n")
    said = tides.run("run", PREFECT_API_URL=prefect_server)
    assert "Published: generation 1" in said

    tasks = _completed_tasks(prefect_server, {"ingest-tides", "transform", "judge", "publish"})
    assert tasks["ingest-tides"]["state"]["message"] == "tides: 1 tide_level"
    assert "3 models, " in tasks["transform"]["state"]["message"]
    assert "checks passed" in tasks["judge"]["state"]["message"]
    artifacts = _post(f"{prefect_server}/artifacts/filter")
    summary = [one for one in artifacts if one["key"] == "mobilake-run"]
    assert len(summary) == 1
    assert "| days of gauges | 1 |" in summary[0]["data"]


def _completed_tasks(server: str, names: set[str]) -> dict[str, dict[str, object]]:
    """Prefect records what becomes of tasks a moment after they ended."""
    for _ in range(60):
        tasks = {task["name"]: task for task in _post(f"{server}/task_runs/filter")}
        if {name for name, task in tasks.items() if task["state_type"] == "COMPLETED"} == names:
            return tasks
        time.sleep(0.5)
    pytest.fail(f"the server shows {sorted(tasks)}, not all completed")


def _post(url: str) -> list[dict[str, object]]:
    request = urllib.request.Request(
        url, data=b"{}", headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the Prefect server did not start within two minutes")
