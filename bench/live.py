"""Events at a pace: how long until a live mart shows one, and what a query takes then."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import anyio
import httpx

from bench.stream import KEY, PACE, ROOT, SYSTEM, at_pace, body_of, free_port, lander, most_memory
from bench.stream import serving as running
from simulator.history import record
from simulator.home import open_world

FEEDS = ("station_information", "station_status", "system_information")
STATIONS, HISTORY = 20, timedelta(days=1)
PROBE_S, GIVE_UP_S = 0.5, 20.0
FIRST_PROBE = 10**12
ASKED = 10
"""How often each mart is asked at the end, for what a query takes."""
MARTS = ("fct_device_event", "fct_anomaly", "mart_station_now", "mart_vehicle_attention")


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        latencies_s: from sending an event to its row in a live mart, in order, at `PACE`.
        queries_s: the median of a whole answer of a mart, by its name, after all events.
        memory_gb: the most that the service held.
    """

    latencies_s: list[float]
    queries_s: dict[str, float]
    memory_gb: float


def measure(folder: Path, seconds: float) -> Measured:
    """Publish a small city, then send at the pace for so long and look for some of the events."""
    home, port = folder / "home", free_port()
    _publish(folder)
    address = f"http://127.0.0.1:{port}"
    environment = {"MOBILAKE_HOME": str(home), "MOBILAKE_SERVE__PORT": str(port)}
    with lander(folder) as (_, url), running("serve", address, environment) as service:
        sending = Thread(target=lambda: anyio.run(at_pace, url, seconds))
        sending.start()
        latencies = list[float]()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            latencies.append(_until_shown(url, address, FIRST_PROBE + len(latencies)))
            time.sleep(PROBE_S)
        sending.join()
        queries = {mart: _asked(f"{address}/v1/live/{mart}") for mart in MARTS}
        memory_gb = most_memory(service) / 2**20
    return Measured(sorted(latencies), queries, memory_gb)


def _publish(folder: Path) -> None:
    until = datetime.now(UTC).replace(second=0, microsecond=0)
    world = open_world(
        folder / "city", since=until - HISTORY, until=until, stations=STATIONS, has_faults=False
    )
    files = record(world.city, folder / "city", until - HISTORY, until, 60)
    chosen = [str(file) for file in sorted(files) if file.name.split("-")[0] in FEEDS]
    for words in (
        ["import", "gbfs", "--system", SYSTEM, "--timezone", "Europe/Lisbon", *chosen],
        ["build"],
    ):
        subprocess.run(
            [sys.executable, "-m", "mobilake", *words],
            cwd=ROOT,
            env=os.environ | {"MOBILAKE_HOME": str(folder / "home")},
            stdout=subprocess.DEVNULL,
            check=True,
        )


def _until_shown(url: str, address: str, number: int) -> float:
    started = time.monotonic()
    httpx.post(url, content=body_of(number, 1), headers={"X-API-Key": KEY}).raise_for_status()
    question = f"{address}/v1/live/fct_device_event?event_id={number}"
    while time.monotonic() < started + GIVE_UP_S:
        if httpx.get(question, timeout=GIVE_UP_S).json()["rows"]:
            return time.monotonic() - started
    sys.exit(f"an event was not shown after {GIVE_UP_S:.0f} s at {PACE} events a second")


def _asked(question: str) -> float:
    taken = []
    for _ in range(ASKED):
        started = time.monotonic()
        httpx.get(question, timeout=60).raise_for_status()
        taken.append(time.monotonic() - started)
    return sorted(taken)[ASKED // 2]
