"""kill -9 of the lander under load: every event that was answered for is there, and counts once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

ROUNDS = int(os.environ.get("MOBILAKE_KILLS", "3"))
"""How often the lander is killed: 50 times in `make soak`."""
SENDERS = 4
AT_ONCE = 20


@dataclass
class Load:
    """What some devices sent, each its own events in order, and what was answered for.

    An event that was not answered for is sent again until it is, as a device would.
    """

    url: str
    api_key: str
    answered: list[str] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def send(self, device: int) -> None:
        with httpx.Client(headers={"X-API-Key": self.api_key}, timeout=10) as client:
            number = 0
            while not self.enough.is_set():
                sent = [self._event(device, number + n) for n in range(AT_ONCE)]
                while not self._is_answered(client, sent):
                    time.sleep(0.05)
                self.answered += [str(event["event_id"]) for event in sent]
                number += AT_ONCE

    def _is_answered(self, client: httpx.Client, sent: list[dict[str, object]]) -> bool:
        try:
            answer = client.post(f"{self.url}/v1/events/town", json=sent)
        except httpx.HTTPError:
            return False
        assert answer.status_code in (200, 429, 503), answer.text
        return answer.status_code == 200 and answer.json()["accepted"] == AT_ONCE

    def _event(self, device: int, number: int) -> dict[str, object]:
        return {
            "event_id": f"{device}-{number}",
            "device_kind": "dock",
            "device_id": f"dock-{device}",
            "event_type": "heartbeat",
            "occurred_at": datetime.now(UTC).isoformat(),
        }


@contextmanager
def sending(load: Load) -> Iterator[None]:
    devices = [threading.Thread(target=load.send, args=(device,)) for device in range(SENDERS)]
    for device in devices:
        device.start()
    try:
        yield
    finally:
        load.enough.set()
        for device in devices:
            device.join(60)


def test_what_was_answered_for_is_there_once_whenever_the_lander_is_killed(
    workspace, lander
) -> None:
    process = lander.start()
    load, chance = Load(lander.url, lander.api_key), random.Random(1)
    with sending(load):
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.2, 1.5))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            process = lander.start()
        time.sleep(1)
    lander.stop(process)

    workspace.models("stg_events__device_event")
    events = workspace.bronze("select event_id from bronze.stg_events__device_event")
    counted = [event_id for (event_id,) in events]
    assert len(counted) == len(set(counted))
    assert set(load.answered) <= set(counted)
    assert len(load.answered) == len(set(load.answered)) >= ROUNDS * AT_ONCE
    dead = workspace.home / "lake" / "raw" / "dead_letter"
    assert workspace.bronze(f"select count(*) from delta_scan('{dead}')") == [(0,)]


def test_a_second_lander_says_that_the_port_is_taken(workspace, lander) -> None:
    lander.start()
    assert "is another lander running?" in workspace.run("stream", code=1)
