"""Events over HTTP: how long until an event is in the lake, and how many a second are taken."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import orjson

from ingestion.lake import Lake
from ingestion.source import Context
from ingestion.sources.events import SOURCE
from ingestion.stream.lander import Lander
from ingestion.stream.message import Message
from mobilake.settings import load

ROOT = Path(__file__).parents[1]
SYSTEM = "town"
KEY = "a-key-of-devices-0123456789"
PACE = 1000
"""Events a second, for latency."""
AT_ONCE, MANY_AT_ONCE, SENDERS = 10, 1000, 4
"""Events of a request when latency is measured and when as many as possible are sent."""


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        p50_s, p95_s: from sending an event to the answer, which follows the commit, at `PACE`.
        taken: events a second over HTTP, as fast as they are answered for.
        bare: events a second that the lander reads and commits without HTTP.
        memory_gb: the most that the process held.
    """

    p50_s: float
    p95_s: float
    taken: float
    bare: float
    memory_gb: float


def measure(folder: Path, seconds: float) -> Measured:
    """Send for so long at the pace, then for so long as fast as possible."""
    with lander(folder) as (process, url):
        latencies = sorted(anyio.run(at_pace, url, seconds))
        taken = anyio.run(_as_fast_as_possible, url, seconds)
        memory_gb = most_memory(process) / 2**20
    return Measured(
        statistics.median(latencies),
        latencies[int(len(latencies) * 0.95)],
        taken,
        _bare(folder, seconds),
        memory_gb,
    )


@contextmanager
def lander(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run the lander of a home; yield it, and where events go."""
    port = free_port()
    environment = {
        "MOBILAKE_HOME": str(folder / "home"),
        "MOBILAKE_STREAM__PORT": str(port),
        "MOBILAKE_STREAM__SENDERS": f'{{"{SYSTEM}": "devices"}}',
        "MOBILAKE_SECRET_DEVICES": KEY,
        "MOBILAKE_LOG_LEVEL": "WARNING",
    }
    url = f"http://127.0.0.1:{port}"
    with serving("stream", url, environment) as process:
        yield process, f"{url}/v1/events/{SYSTEM}"


@contextmanager
def serving(
    command: str, url: str, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a service of the product until the block is over; it answers when the block begins."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mobilake", command], cwd=ROOT, env=os.environ | environment
    )
    try:
        while process.poll() is None:
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def at_pace(url: str, seconds: float) -> list[float]:
    """Send so many events a second for so long; return how long each request took."""
    latencies: list[float] = []

    async def send(client: httpx.AsyncClient, first: int) -> None:
        body, started = body_of(first, AT_ONCE), time.monotonic()
        (await client.post(url, content=body)).raise_for_status()
        latencies.append(time.monotonic() - started)

    begin = time.monotonic()
    limits = httpx.Limits(max_connections=200)
    async with (
        httpx.AsyncClient(headers={"X-API-Key": KEY}, limits=limits, timeout=60) as client,
        anyio.create_task_group() as requests,
    ):
        for number in range(int(seconds * PACE / AT_ONCE)):
            await anyio.sleep(max(0.0, begin + number * AT_ONCE / PACE - time.monotonic()))
            requests.start_soon(send, client, number * AT_ONCE)
    return latencies


async def _as_fast_as_possible(url: str, seconds: float) -> float:
    begin, count = time.monotonic(), 0

    async def send(client: httpx.AsyncClient, sender: int) -> None:
        nonlocal count
        body = body_of(sender * 10**9, MANY_AT_ONCE)
        while time.monotonic() < begin + seconds:
            (await client.post(url, content=body)).raise_for_status()
            count += MANY_AT_ONCE

    async with (
        httpx.AsyncClient(headers={"X-API-Key": KEY}, timeout=60) as client,
        anyio.create_task_group() as senders,
    ):
        for sender in range(SENDERS):
            senders.start_soon(send, client, sender)
    return count / (time.monotonic() - begin)


def _bare(folder: Path, seconds: float) -> float:
    settings = load(ROOT).model_copy(
        update={"home": folder / "bare", "lake": str(folder / "bare" / "lake")}
    )
    context = Context(settings, Lake(settings.lake, lambda: datetime.now(UTC)), _now)
    assert SOURCE.intake is not None
    lander = Lander(context, SOURCE.intake)
    documents = orjson.loads(body_of(0, SENDERS * MANY_AT_ONCE))
    batch = [
        Message("town", "http", f"{number}", _now(), document)
        for number, document in enumerate(documents)
    ]
    begin, count = time.monotonic(), 0
    while time.monotonic() < begin + seconds:
        lander.land(batch)
        count += len(batch)
    return count / (time.monotonic() - begin)


def body_of(first: int, many: int) -> bytes:
    """Return events as a request has them, with ids from a number on."""
    moment = _now().isoformat()
    return orjson.dumps(
        [
            {
                "event_id": str(first + number),
                "device_kind": "dock",
                "device_id": f"PA-{number % 100:03d}/{number % 20}",
                "station_id": f"PA-{number % 100:03d}",
                "vehicle_id": f"B{number % 1500}",
                "event_type": "dock_locked",
                "occurred_at": moment,
                "battery_percent": 80,
            }
            for number in range(many)
        ]
    )


def most_memory(process: subprocess.Popen[bytes]) -> int:
    """Return the most kilobytes that a process held so far."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def _now() -> datetime:
    return datetime.now(UTC)
