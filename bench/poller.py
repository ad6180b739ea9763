"""The polling service's share of a core: 50 systems, each with an index and six feeds, a minute.

Usage: python -m bench.poller

The server is a process of its own with prepared documents and no validators: each poll brings a
whole body. What is counted is the CPU time of the service alone, its start included.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingestion.lake import Lake
from ingestion.sources.gbfs.registry import System, register
from mobilake.console import say

SYSTEMS = 50
STATIONS = 120
VEHICLES = 120
SECONDS = 70
LIMIT = 0.5
ROOT = Path(__file__).parents[1]


def measure(seconds: float = SECONDS) -> float:
    """Return the share of a core that the service takes over `seconds`."""
    with tempfile.TemporaryDirectory() as folder, _serving() as address:
        home = Path(folder)
        lake = Lake(str(home / "lake"), lambda: datetime.now(UTC))
        for number in range(SYSTEMS):
            system = System(f"system_{number}", f"{address}/{number}/gbfs.json", "UTC", 60)
            register(lake, system, datetime.now(UTC))
        environment = {
            "MOBILAKE_HOME": folder,
            "MOBILAKE_HTTP__PRIVATE_HOSTS": '["127.0.0.1"]',
            "MOBILAKE_SOURCE__GBFS__STATIC_INTERVAL_S": "60",
        }
        service = subprocess.Popen(
            [sys.executable, "-m", "mobilake", "poll"],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        time.sleep(seconds)
        service.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(service.pid, 0)
        took = time.monotonic() - began
        service.returncode = os.waitstatus_to_exitcode(status)
        beat = json.loads((home / "heartbeats" / "poll.json").read_text())
    if service.returncode or beat["errors"] or beat["systems"] != SYSTEMS:
        raise RuntimeError(f"the service did not do what was to be measured: {beat}")
    say(f"{beat['polls']} polls in the last minute, {beat['bytes'] / 1e6:.1f} MB")
    return (used.ru_utime + used.ru_stime) / took


def documents(address: str, number: int) -> dict[str, bytes]:
    """Return what a system answers, by path."""
    stations: list[dict[str, Any]] = [
        {
            "station_id": f"{number}-{station}",
            "num_bikes_available": station % 20,
            "num_docks_available": 20 - station % 20,
            "is_installed": True,
            "is_renting": True,
            "is_returning": True,
            "last_reported": 1767614400 + station,
        }
        for station in range(STATIONS)
    ]
    places = [
        {
            "station_id": station["station_id"],
            "name": f"Station {place}",
            "lat": 59.9 + place / 1000,
            "lon": 10.7,
            "capacity": 20,
        }
        for place, station in enumerate(stations)
    ]
    bikes = [
        {
            "bike_id": f"bike-{number}-{bike}",
            "lat": 59.9,
            "lon": 10.7 + bike / 1000,
            "is_reserved": False,
            "is_disabled": False,
            "rental_uris": {"web": f"https://rent.example/{bike}"},
        }
        for bike in range(VEHICLES)
    ]
    feeds: dict[str, Any] = {
        "system_information": {"system_id": f"system_{number}", "timezone": "UTC", "name": "S"},
        "vehicle_types": {"vehicle_types": [{"vehicle_type_id": "bike", "form_factor": "bicycle"}]},
        "station_information": {"stations": places},
        "station_status": {"stations": stations},
        "free_bike_status": {"bikes": bikes},
        "system_alerts": {"alerts": []},
    }
    listed = [{"name": name, "url": f"{address}/{number}/{name}"} for name in feeds]
    answers = feeds | {"gbfs.json": {"en": {"feeds": listed}}}
    return {
        f"/{number}/{name}": json.dumps(
            {"last_updated": 1767614400, "ttl": 60, "version": "2.3", "data": data}
        ).encode()
        for name, data in answers.items()
    }


async def _serve() -> None:
    answers: dict[str, bytes] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                writer.close()
                return
            body = answers[request.split(b" ", 2)[1].decode()]
            head = (
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for number in range(SYSTEMS):
        answers.update(documents(address, number))
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def _serving() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.poller", "serve"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()


def main() -> None:
    """Measure, print, and fail where the share is above the limit."""
    share = measure()
    say(f"poller: {share:.3f} of a core, limit {LIMIT}")
    sys.exit(share > LIMIT)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(_serve())
    else:
        main()
