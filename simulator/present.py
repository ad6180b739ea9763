"""The simulated city goes on: its feeds are polled, its devices send, and the present is served.

What devices sent since the recording ended is sent at once; from then on each event when it
happens. Without a simulated city the present is served as it is.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import httpx
import typer

from simulator.city import SYSTEM_ID, City
from simulator.clock import SimulatedClock
from simulator.events import deliveries
from simulator.home import World, open_world
from simulator.moments import midnight, to_datetime
from simulator.server import serving

POLL_S = 15
AT_ONCE = 500
TRY_AGAIN_S = 1.0
HEADER = "X-API-Key"


def main() -> None:
    """Let the city of this home go on, and serve the present."""
    home = Path(os.environ.get("MOBILAKE_HOME") or "data").resolve()
    if not (home / "simulator" / "city.json").exists():
        _end_with(_mobilake("serve"))
    now = datetime.now(UTC)
    world = open_world(home / "simulator", since=now, until=now)
    clock = SimulatedClock(now, 1.0, lambda: datetime.now(UTC))
    key, port = secrets.token_urlsafe(24), os.environ.get("MOBILAKE_STREAM__PORT", "8010")
    with ExitStack() as held:
        url = held.enter_context(serving(world.city, clock, faults=world.faults))
        _end_unless_ok(_mobilake("systems", "add", f"{url}/gbfs.json"))
        held.enter_context(_going_on(_mobilake("poll", "--every", str(POLL_S))))
        held.enter_context(
            _going_on(
                _mobilake(
                    "stream",
                    MOBILAKE_STREAM__SENDERS=json.dumps({SYSTEM_ID: "simulated_devices"}),
                    MOBILAKE_SECRET_SIMULATED_DEVICES=key,
                )
            )
        )
        stop = Event()
        address = f"http://127.0.0.1:{port}/v1/events/{SYSTEM_ID}"
        devices = Thread(target=_send, args=(world, address, key, stop), daemon=True)
        devices.start()
        held.callback(stop.set)
        _end_with(_mobilake("serve"))


def _send(world: World, address: str, key: str, stop: Event) -> None:
    """Send what devices tell, in batches, until told to stop."""
    with httpx.Client(headers={HEADER: key}, timeout=30) as client:
        waiting: list[bytes] = []
        for line in _lines(world.city, world.home, lambda: datetime.now(UTC), stop):
            if line is not None:
                waiting.append(line)
            if len(waiting) >= AT_ONCE or (line is None and waiting):
                _post(client, address, waiting, stop)
                waiting.clear()


def _lines(
    city: City, home: Path, clock: Callable[[], datetime], stop: Event
) -> Iterator[bytes | None]:
    """Yield what devices send, each when it is received; None where there is nothing at present.

    It begins after the last day that was recorded.
    """
    recorded = sorted((home / "events").glob("events-*.jsonl.zst"))
    day = (
        datetime.fromisoformat(recorded[-1].name[7:17]).date() + timedelta(days=1)
        if recorded
        else city.started_on
    )
    while not stop.is_set():
        carried = deliveries(city, day - timedelta(days=1)) if day > city.started_on else []
        begin = midnight(day)
        sent = sorted(
            (one for one in (*carried, *deliveries(city, day)) if one.received_at >= begin),
            key=lambda one: one.received_at,
        )
        for one in sent:
            if one.received_at >= begin + 86_400:
                continue
            while to_datetime(one.received_at) > clock():
                yield None
                if stop.wait(TRY_AGAIN_S):
                    return
            yield _without_receipt(one.line)
        day += timedelta(days=1)


def _without_receipt(line: bytes) -> bytes:
    """Leave it to who receives an event to say when that was; a line that is cut stays as it is."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    event.pop("received_at", None)
    return json.dumps(event).encode()


def _post(client: httpx.Client, address: str, lines: list[bytes], stop: Event) -> None:
    """Send lines until they are taken."""
    headers = {"Content-Type": "application/x-ndjson"}
    while not stop.is_set():
        try:
            answer = client.post(address, content=b"\n".join(lines), headers=headers)
            if answer.status_code < 429:
                return
        except httpx.TransportError:
            pass
        stop.wait(TRY_AGAIN_S)


def _mobilake(*words: str, **settings: str) -> subprocess.Popen[bytes]:
    """Start a command of the product."""
    typer.echo(f"$ mobilake {' '.join(words)}")
    allowed = {"MOBILAKE_HTTP__PRIVATE_HOSTS": json.dumps(["127.0.0.1"])}
    command = [str(Path(sys.executable).with_name("mobilake")), *words]
    return subprocess.Popen(command, env=os.environ | allowed | settings)


@contextmanager
def _going_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _end_unless_ok(process: subprocess.Popen[bytes]) -> None:
    if process.wait():
        sys.exit(process.returncode)


def _end_with(process: subprocess.Popen[bytes]) -> None:
    """Wait for a command; a signal to end us ends it first."""
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while process.poll() is None:
        try:
            process.wait()
        except KeyboardInterrupt:
            time.sleep(0)  # the command has had it as well, and ends by itself
    sys.exit(0)


if __name__ == "__main__":
    typer.run(main)
