"""The lander on a real Kafka: each message lands once, whatever is killed, and no loss goes by."""

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
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from deltalake import DeltaTable

ROUNDS = int(os.environ.get("MOBILAKE_KILLS", "3"))
"""How often the lander is killed: 50 times in `make soak`."""
PACE = 500
BAD_EVERY = 10


@dataclass
class Load:
    """What is sent to a topic without a pause, and what Kafka has confirmed of it."""

    address: str
    topic: str
    heartbeat: Callable[[str], str]
    good: list[str] = field(default_factory=list)
    bad: int = 0
    enough: threading.Event = field(default_factory=threading.Event)

    def send(self, count: int | None = None) -> None:
        # idempotent: a broker that is killed would get a message twice, under two offsets
        told = {"bootstrap.servers": self.address, "acks": "all", "enable.idempotence": True}
        producer = Producer(told)
        number = 0
        while not self.enough.is_set() and (count is None or number < count):
            name, is_bad = f"e{len(self.good)}-{number}", number % BAD_EVERY == BAD_EVERY - 1
            value = b"not JSON" if is_bad else self.heartbeat(name).encode()
            producer.produce(
                self.topic, value, key=str(number), on_delivery=self._confirmed(name, is_bad)
            )
            producer.poll(0)
            number += 1
            if count is None:
                time.sleep(1 / PACE)
        assert producer.flush(60) == 0

    def _confirmed(self, name: str, is_bad: bool):
        def note(error: object, _: object) -> None:
            assert error is None
            if is_bad:
                self.bad += 1
            else:
                self.good.append(name)

        return note


@pytest.fixture
def load(kafka_broker, topic, workspace, lander, heartbeat) -> Load:
    workspace.environment |= {
        "MOBILAKE_STREAM__KAFKA__BROKERS": kafka_broker.address,
        "MOBILAKE_STREAM__KAFKA__TOPICS": json.dumps({topic: "town"}),
    }
    return Load(kafka_broker.address, topic, heartbeat)


def landed(workspace) -> Counter[str]:
    """Return how often each event stands in the lake itself, before any model."""
    table = DeltaTable(str(workspace.home / "lake" / "raw" / "device_event"))
    return Counter(table.to_pyarrow_table(columns=["event_id"])["event_id"].to_pylist())


def dead(workspace) -> list[str]:
    table = DeltaTable(str(workspace.home / "lake" / "raw" / "dead_letter"))
    return table.to_pyarrow_table(columns=["position"])["position"].to_pylist()


def has_landed(workspace, load: Load) -> bool:
    return sum(landed(workspace).values()) + len(dead(workspace)) >= len(load.good) + load.bad


def check_each_once(workspace, load: Load) -> None:
    assert landed(workspace) == Counter(load.good)
    positions = dead(workspace)
    assert len(positions) == len(set(positions)) == load.bad


def test_every_message_lands_once_whenever_the_lander_is_killed(
    workspace, lander, load, meanwhile, wait
):
    chance = random.Random(2)
    process = lander.start()
    with meanwhile(load.send, load.enough):
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.2, 1.5))
            process.kill()
            process.communicate()
            process = lander.start()
        time.sleep(1)
    wait(lambda: has_landed(workspace, load), 60, "not all of it lands")
    lander.stop(process)
    assert len(load.good) > ROUNDS * 50
    check_each_once(workspace, load)


def test_a_broker_that_dies_is_waited_for(workspace, lander, load, meanwhile, kafka_broker, wait):
    process = lander.start()
    with meanwhile(load.send, load.enough):
        time.sleep(1)
        kafka_broker.kill()
        wait(lambda: lander.health()["trouble"], 60, "the lander does not notice")
        kafka_broker.start()
        wait(lambda: not lander.health()["trouble"], 60, "the lander does not come back")
        time.sleep(1)
    wait(lambda: has_landed(workspace, load), 60, "not all of it lands")
    assert "messages are taken again" in lander.stop(process)
    check_each_once(workspace, load)


def test_a_second_lander_is_refused(workspace, lander, load, meanwhile, new_workspace, wait):
    process = lander.start()
    assert "Another process is at it already (stream" in workspace.run("stream", code=1)

    other = new_workspace("other")  # of the same lake, so that no lock of the home tells it
    changed = {
        "MOBILAKE_LAKE": str(workspace.home / "lake"),
        "MOBILAKE_STREAM__PORT": lander.another_port(),
    }
    second = other.start("stream", **(workspace.environment | changed))
    with meanwhile(load.send, load.enough):
        wait(
            lambda: second.poll() is not None or process.poll() is not None,
            60,
            "both go on reading the same",
        )
    loser, winner = (second, process) if process.poll() is None else (process, second)
    said, _ = loser.communicate()
    assert loser.returncode == 1
    assert "another lander reads it" in said
    wait(lambda: has_landed(workspace, load), 60, "not all of it lands")
    winner.terminate()
    winner.communicate(timeout=30)
    check_each_once(workspace, load)


def test_messages_that_were_deleted_unread_are_told(workspace, lander, load, wait):
    load.send(100)
    process = lander.start()
    wait(lambda: has_landed(workspace, load), 60, "not all of it lands")
    lander.stop(process)
    load.send(100)
    admin = AdminClient({"bootstrap.servers": load.address})
    gone = [TopicPartition(load.topic, number, -1) for number in range(3)]
    for deleted in admin.delete_records(gone).values():
        deleted.result()
    before = landed(workspace)
    said = workspace.run("stream", code=1)
    assert "before they were read. `mobilake stream --accept-loss` goes on" in said
    process = lander.start("--accept-loss")
    later = Load(load.address, load.topic, load.heartbeat)
    later.send(50)
    wait(lambda: sum(landed(workspace).values()) == before.total() + 45, 60, "it does not go on")
    lander.stop(process)


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(
    workspace, lander, load, wait, make_topic
):
    load.send(200)
    process = lander.start()
    wait(lambda: has_landed(workspace, load), 60, "not all of it lands")
    lander.stop(process)
    admin = AdminClient({"bootstrap.servers": load.address})
    admin.delete_topics([load.topic])[load.topic].result()
    wait(lambda: load.topic not in admin.list_topics(timeout=5).topics, 30, "it is still there")
    make_topic(load.topic)
    load.send(300)
    process = lander.start()
    wait(lambda: has_landed(workspace, load), 60, "not all of it lands")
    lander.stop(process)
    assert landed(workspace) == Counter(load.good)


def test_transactions_leave_holes_that_have_to_be_expected(workspace, lander, load, wait):
    producer = Producer({"bootstrap.servers": load.address, "transactional.id": "t"})
    producer.init_transactions()
    for number in range(3):
        producer.begin_transaction()
        producer.produce(load.topic, load.heartbeat(f"t{number}").encode(), partition=0)
        producer.commit_transaction()
    process = workspace.start("stream")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "set [stream.kafka] holes = true" in said
    process = lander.start(MOBILAKE_STREAM__KAFKA__HOLES="true")
    wait(lambda: landed(workspace).total() == 3, 60, "not all of it lands")
    lander.stop(process)


def test_what_cannot_work_is_told(workspace, load):
    secret = {"MOBILAKE_SECRET_PASSWORD": "a-secret-1234567890123"}
    wrong = '{"security.protocol": "password"}'
    said = workspace.run("stream", code=1, MOBILAKE_STREAM__KAFKA__SECRETS=wrong, **secret)
    assert "librdkafka refuses" in said
    assert "a-secret" not in said
    said = workspace.run("stream", code=1, MOBILAKE_STREAM__KAFKA__OPTIONS='{"speed": "high"}')
    assert "librdkafka refuses 'speed' of [stream.kafka]" in said
    said = workspace.run("stream", code=1, MOBILAKE_STREAM__KAFKA__TOPICS='{"nowhere": "town"}')
    assert "Kafka shows no topic nowhere" in said
