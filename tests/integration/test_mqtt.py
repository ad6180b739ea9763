"""The lander on a real MQTT broker: what the broker took arrives, and counts once."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from deltalake import DeltaTable
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

ROUNDS = int(os.environ.get("MOBILAKE_KILLS", "3"))
"""How often the lander is killed."""
PACE = 300


@dataclass
class Load:
    """What is published at QoS 1, one after the other, and what the broker has confirmed of it."""

    port: int
    heartbeat: Callable[[str], str]
    taken: list[str] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def send(self) -> None:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        sent, confirmed = list[tuple[int, str]](), Counter[int]()
        client.on_publish = lambda *told: confirmed.update([told[2]])
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        while not self.enough.is_set():
            name = f"m{len(sent)}"
            sent.append((client.publish("town/dock/1", self.heartbeat(name), qos=1).mid, name))
            time.sleep(1 / PACE)
        until = time.monotonic() + 60  # what was sent while nobody listened is sent again
        while confirmed.total() < len(sent) and time.monotonic() < until:
            time.sleep(0.1)
        for number, name in sent:  # numbers begin again after 65,535
            if confirmed[number]:
                confirmed[number] -= 1
                self.taken.append(name)
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def load(mosquitto, workspace, lander, heartbeat) -> Load:
    workspace.environment |= {
        "MOBILAKE_STREAM__MQTT__URL": f"mqtt://{mosquitto.address}",
        "MOBILAKE_STREAM__MQTT__TOPICS": json.dumps({"town/#": "town", "#": "another"}),
    }
    return Load(mosquitto.port, heartbeat)


def landed(workspace) -> set[str]:
    table = DeltaTable(str(workspace.home / "lake" / "raw" / "device_event"))
    rows = table.to_pyarrow_table(columns=["event_id", "system_id", "source"])
    assert set(rows["system_id"].to_pylist()) <= {"town"}
    assert set(rows["source"].to_pylist()) <= {"mqtt"}
    return set(rows["event_id"].to_pylist())


def test_what_the_broker_took_counts_once_whenever_the_lander_is_killed(
    workspace, lander, load, meanwhile, wait
):
    chance = random.Random(3)
    process = lander.start()
    time.sleep(1)  # so that the broker knows of the subscription
    with meanwhile(load.send, load.enough):
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.2, 1.5))
            process.kill()
            process.communicate()
            process = lander.start()
        time.sleep(1)
    assert len(load.taken) > ROUNDS * 50
    wait(lambda: landed(workspace) >= set(load.taken), 60, "not all of it lands")
    lander.stop(process)
    workspace.models("stg_events__device_event")
    counted = [
        name for (name,) in workspace.bronze("select event_id from bronze.stg_events__device_event")
    ]
    assert len(counted) == len(set(counted))
    assert set(counted) == set(load.taken)


def test_a_broker_that_restarts_is_waited_for(workspace, lander, load, meanwhile, mosquitto, wait):
    process = lander.start()
    time.sleep(1)
    with meanwhile(load.send, load.enough):
        time.sleep(1)
        mosquitto.process.terminate()
        mosquitto.process.wait()
        wait(lambda: lander.health()["trouble"], 60, "the lander does not notice")
        mosquitto.start()
        wait(lambda: not lander.health()["trouble"], 60, "the lander does not come back")
        time.sleep(1)
    wait(lambda: landed(workspace) >= set(load.taken), 60, "not all of it lands")
    lander.stop(process)


def test_what_is_no_event_is_dead_and_does_not_come_again(workspace, lander, load, mosquitto, wait):
    process = lander.start()
    time.sleep(1)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    for content in ("oops", "{}", load.heartbeat("good")):
        client.publish("town/dock/1", content, qos=1).wait_for_publish(10)
    client.disconnect()
    wait(lambda: landed(workspace) == {"good"}, 30, "the good one does not land")
    lander.stop(process)
    letters = DeltaTable(str(workspace.home / "lake" / "raw" / "dead_letter"))
    reasons = letters.to_pyarrow_table()["reason"].to_pylist()
    assert sorted(reasons) == ["device_kind is missing", "not JSON"]
    lander.stop(lander.start())
    letters.update_incremental()
    assert letters.to_pyarrow_table().num_rows == 2


def test_what_a_session_kept_lands_after_topics_were_chosen_otherwise(
    workspace, lander, load, mosquitto, wait
):
    first = {"MOBILAKE_STREAM__MQTT__TOPICS": json.dumps({"gone/#": "gone", "town/#": "town"})}
    lander.start(**first).kill()
    time.sleep(1)
    process = lander.start(**first)
    time.sleep(1)
    lander.stop(process)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    for number, topic in enumerate(("town/dock/1", "gone/dock/1", "town/dock/1")):
        client.publish(topic, load.heartbeat(f"e{number}"), qos=1).wait_for_publish(10)
    process = lander.start()  # "town/#" comes first now, and "gone/#" is no topic of its own
    last = client.publish("town/dock/1", load.heartbeat("last"), qos=1)
    last.wait_for_publish(10)
    client.disconnect()
    table = workspace.home / "lake" / "raw" / "device_event"

    def names() -> set[str]:
        return set(DeltaTable(str(table)).to_pyarrow_table()["event_id"].to_pylist())

    wait(lambda: names() == {"e0", "e1", "e2", "last"}, 30, "not all of it lands")
    lander.stop(process)


@pytest.mark.parametrize("mosquitto", ["allow_anonymous false"], indirect=True)
def test_a_broker_that_lets_nobody_in_is_told(workspace, load):
    assert "Not authorized: mend [stream.mqtt]" in workspace.run("stream", code=1)
