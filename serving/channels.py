"""Where notices go: webhooks, a topic of Kafka, a topic of MQTT. Each takes a notice or says no."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import orjson
from confluent_kafka import KafkaException, Producer
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from mobilake.errors import TransientError
from mobilake.secrets import Secret, named_secret
from mobilake.settings import NoticeTopic, Settings

TAKEN_WITHIN_S = 20.0
PORTS = {"mqtt": 1883, "mqtts": 8883}
KEY_HEADER = "Idempotency-Key"


class Channel(Protocol):
    """Takes notices.

    Attributes:
        name: by which the lake knows what it has taken.
    """

    name: str

    def send(self, key: str, content: Mapping[str, Any]) -> None:
        """Send a notice; it returns once it was taken.

        Args:
            key: the same for each copy of a notice.

        Raises:
            TransientError: it was not taken, as far as is known.
        """
        ...

    def close(self) -> None:
        """Leave."""
        ...


class Webhook:
    """An address that takes JSON by POST, and answers 2xx; the key is a header."""

    def __init__(self, name: str, address: Secret) -> None:
        self.name = f"webhook {name}"
        self._address = address
        self._client = httpx.Client(timeout=TAKEN_WITHIN_S)

    def send(self, key: str, content: Mapping[str, Any]) -> None:
        """See `Channel`."""
        headers = {KEY_HEADER: key, "Content-Type": "application/json"}
        try:
            answer = self._client.post(
                self._address.reveal(), content=orjson.dumps(content), headers=headers
            )
        except httpx.HTTPError as error:
            raise TransientError(f"it cannot be reached ({type(error).__name__})") from None
        if not answer.is_success:
            raise TransientError(f"it answers {answer.status_code}")

    def close(self) -> None:
        """See `Channel`."""
        self._client.close()


class KafkaTopic:
    """A topic of Kafka: the subject is the key of the message, the notice's key a header."""

    def __init__(self, chosen: NoticeTopic, secrets: Mapping[str, str]) -> None:
        self.name = f"kafka {chosen.topic}"
        self._topic = chosen.topic
        self._producer = Producer(
            {
                **chosen.options,
                **secrets,
                "bootstrap.servers": chosen.brokers,
                "enable.idempotence": True,
                "delivery.timeout.ms": int(TAKEN_WITHIN_S * 1000),
                "log_level": 0,
            }
        )

    def send(self, key: str, content: Mapping[str, Any]) -> None:
        """See `Channel`."""
        told: list[object] = []
        try:
            self._producer.produce(
                self._topic,
                orjson.dumps(content),
                key=key.rpartition(":")[0],
                headers=[(KEY_HEADER, key.encode())],
                on_delivery=lambda error, _: told.append(error),
            )
            self._producer.flush(TAKEN_WITHIN_S * 1.5)
        except (KafkaException, BufferError) as error:
            raise TransientError(f"the brokers do not take it ({error})") from None
        if not told or told[0] is not None:
            raise TransientError(f"the brokers do not take it ({told[0] if told else 'no answer'})")

    def close(self) -> None:
        """See `Channel`."""
        self._producer.flush(1)


class MqttTopic:
    """A topic of an MQTT 5 broker, at QoS 1; the key is a user property."""

    def __init__(self, chosen: NoticeTopic, secrets: Mapping[str, str]) -> None:
        self.name = f"mqtt {chosen.topic}"
        self._topic = chosen.topic
        place = urlsplit(chosen.url)
        self._host, self._port = str(place.hostname), place.port or PORTS[place.scheme]
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"mobilake-notices-{uuid4().hex[:8]}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        if place.scheme == "mqtts":
            self._client.tls_set_context(ssl.create_default_context())
        if secrets:
            self._client.username_pw_set(secrets.get("username", ""), secrets.get("password"))

    def send(self, key: str, content: Mapping[str, Any]) -> None:
        """See `Channel`."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.UserProperty = (KEY_HEADER, key)
        try:
            self._connect()
            sent = self._client.publish(
                self._topic, orjson.dumps(content), qos=1, properties=properties
            )
            sent.wait_for_publish(TAKEN_WITHIN_S)
        except (OSError, ValueError, RuntimeError) as error:
            raise TransientError(f"the broker does not take it ({error})") from None
        if not sent.is_published():
            raise TransientError("the broker does not take it (no answer)")

    def _connect(self) -> None:
        if self._client.is_connected():
            return
        self._client.loop_stop()
        self._client.connect(self._host, self._port)
        self._client.loop_start()
        until = time.monotonic() + TAKEN_WITHIN_S
        while not self._client.is_connected():
            if time.monotonic() > until:
                raise TransientError("the broker does not let us in")
            time.sleep(0.01)

    def close(self) -> None:
        """See `Channel`."""
        self._client.disconnect()
        self._client.loop_stop()


def channels_of(settings: Settings) -> list[Channel]:
    """Return the channels that the settings name.

    Raises:
        MobilakeError: a secret has no value.
    """
    chosen, home = settings.notices, settings.home

    def revealed(topic: NoticeTopic) -> dict[str, str]:
        return {name: named_secret(home, it).reveal() for name, it in topic.secrets.items()}

    found: list[Channel] = [
        Webhook(name, named_secret(home, secret)) for name, secret in chosen.webhooks.items()
    ]
    if chosen.kafka.topic:
        found.append(KafkaTopic(chosen.kafka, revealed(chosen.kafka)))
    if chosen.mqtt.topic:
        found.append(MqttTopic(chosen.mqtt, revealed(chosen.mqtt)))
    return found
