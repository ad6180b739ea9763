"""Notices to a topic of a real Kafka and of a real MQTT broker."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import orjson
from confluent_kafka import Consumer
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from mobilake.settings import NoticeTopic
from serving.channels import KafkaTopic, MqttTopic

CONTENT = {"notice_id": "a:opened", "change": "opened", "row": {"since": str(datetime.now(UTC))}}


def test_a_topic_of_kafka_holds_the_notice_and_its_key(kafka_broker, topic):
    channel = KafkaTopic(NoticeTopic(brokers=kafka_broker.address, topic=topic), {})
    channel.send("a:opened", CONTENT)
    channel.close()
    consumer = Consumer(
        {
            "bootstrap.servers": kafka_broker.address,
            "group.id": "test",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    (message,) = consumer.consume(1, 30)
    consumer.close()
    assert orjson.loads(message.value()) == CONTENT
    assert message.key() == b"a"
    assert message.headers() == [("Idempotency-Key", b"a:opened")]


def test_a_topic_of_mqtt_is_told_at_least_once_also_after_the_broker_restarts(mosquitto):
    heard, ready = [], threading.Event()
    reader = Client(
        CallbackAPIVersion.VERSION2, client_id="reader", protocol=MQTTProtocolVersion.MQTTv5
    )
    reader.on_connect = lambda *_: reader.subscribe("notices", qos=1)
    reader.on_subscribe = lambda *_: ready.set()

    def hear(client, userdata, message):
        heard.append((message.properties.UserProperty, orjson.loads(message.payload)))

    reader.on_message = hear
    reader.connect("127.0.0.1", mosquitto.port)
    reader.loop_start()
    assert ready.wait(20)
    channel = MqttTopic(NoticeTopic(url=f"mqtt://127.0.0.1:{mosquitto.port}", topic="notices"), {})
    channel.send("a:opened", CONTENT)
    mosquitto.kill()
    ready.clear()
    mosquitto.start()
    assert ready.wait(30)
    channel.send("a:closed", CONTENT)
    done = threading.Event()
    for _ in range(100):
        if len(heard) >= 2:
            break
        done.wait(0.1)
    channel.close()
    reader.disconnect()
    reader.loop_stop()
    assert [properties for properties, _ in heard] == [
        [("Idempotency-Key", "a:opened")], [("Idempotency-Key", "a:closed")],
    ]  # fmt: skip
    assert {orjson.dumps(content) for _, content in heard} == {orjson.dumps(CONTENT)}
