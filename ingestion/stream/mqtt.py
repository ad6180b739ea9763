"""Topics of an MQTT 5 broker at QoS 1: each message is acknowledged once it is in the lake.

The broker keeps for this client what was not acknowledged, and sends it again: at least once.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingestion.stream.message import Message, parsed
from mobilake.errors import MobilakeError, TransientError
from mobilake.secrets import named_secret
from mobilake.settings import Mqtt

CHANNEL = "mqtt"
PORTS = {"mqtt": 1883, "mqtts": 8883}
KEPT_S = 7 * 86_400
"""For how long a broker keeps what comes while no lander runs, if it agrees."""
LONGEST_PAUSE_S = 5
LASTING = (0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C)
"""Reasons of a broker not to let us in that trying again does not mend."""
TAKEN_OVER = 0x8E


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A message that came, and what acknowledges it: an id that counts for one connection."""

    sender: str
    content: bytes
    at: datetime
    packet: int
    quality: int
    connection: int


class Subscriptions:
    """The channel of some topic filters.

    Args:
        linger_s: for how long a commit waits for more to come.
    """

    name = "MQTT"

    def __init__(
        self, chosen: Mqtt, home: Path, clock: Callable[[], datetime], linger_s: float
    ) -> None:
        self._chosen = chosen
        self._clock = clock
        self._linger_s = linger_s
        self._arrived: SimpleQueue[_Arrived] = SimpleQueue()
        self._taken: list[_Arrived] = []
        self._connection = 0
        self._one_at_a_time = Lock()
        self._refused: str | None = None
        self._asked: dict[int, str] = {}
        self._is_started = False
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=chosen.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        if chosen.username:
            secret = named_secret(home, chosen.password).reveal() if chosen.password else None
            self._client.username_pw_set(chosen.username, secret)
        if urlsplit(chosen.url).scheme == "mqtts":
            self._client.tls_set_context(ssl.create_default_context())
        self._client.reconnect_delay_set(1, LONGEST_PAUSE_S)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._came

    def take(self) -> Sequence[Message]:
        """Return what came.

        Raises:
            TransientError: the broker cannot be reached.
            MobilakeError: it lets nobody in, or does not give the topics.
        """
        if not self._is_started:
            self._start()
        if self._refused:
            raise MobilakeError(self._refused)
        try:
            self._taken = [self._arrived.get(timeout=self._linger_s)]
        except Empty:
            self._taken = []
            if not self._client.is_connected():
                raise TransientError(f"{self._chosen.url} is not connected") from None
            return []
        if self._arrived.empty():
            time.sleep(self._linger_s)
        while len(self._taken) < self._chosen.at_once and not self._arrived.empty():
            self._taken.append(self._arrived.get())
        batch = uuid4().hex
        return [_message(one, f"{batch}:{index}") for index, one in enumerate(self._taken)]

    def confirm(self) -> None:
        """Acknowledge what was taken; what came before a new connection comes again anyway."""
        for one in self._taken:
            with self._one_at_a_time:
                if one.connection == self._connection:
                    self._client.ack(one.packet, one.quality)

    def close(self) -> None:
        """Leave the broker, which keeps the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def _start(self) -> None:
        place = urlsplit(self._chosen.url)
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = KEPT_S
        session.ReceiveMaximum = self._chosen.at_once
        try:
            self._client.connect(
                place.hostname or "",
                place.port or PORTS[place.scheme],
                clean_start=False,
                properties=session,
            )
        except OSError as error:
            raise TransientError(f"{self._chosen.url} cannot be reached: {error}") from None
        self._client.loop_start()
        self._is_started = True

    def _connected(
        self, client: Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.value in LASTING:
            self._refused = (
                f"{self._chosen.url} says {reason}: mend [stream.mqtt] in mobilake.toml, or the "
                "secret that it names."
            )
        if reason.is_failure:
            return
        with self._one_at_a_time:
            self._connection += 1
        for number, topic in enumerate(self._chosen.topics, start=1):
            named = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
            named.SubscriptionIdentifier = number
            result, packet = client.subscribe(
                topic, options=SubscribeOptions(qos=1), properties=named
            )
            if packet is None or result != MQTTErrorCode.MQTT_ERR_SUCCESS:
                client.disconnect()
                return
            self._asked[packet] = topic

    def _disconnected(
        self, client: Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.value == TAKEN_OVER:
            self._refused = (
                f"Another lander is connected to {self._chosen.url} as {self._chosen.client_id}: "
                "stop one of them, or give each its own [stream.mqtt] client_id."
            )

    def _subscribed(
        self, client: Client, userdata: Any, packet: int, reasons: list[ReasonCode], properties: Any
    ) -> None:
        topic = self._asked.pop(packet, "a topic")
        for reason in reasons:
            if reason.is_failure:
                self._refused = f"{self._chosen.url} does not give {topic}: {reason}."

    def _came(self, client: Client, userdata: Any, one: MQTTMessage) -> None:
        number, sender = next(
            (number, sender)
            for number, (topic, sender) in enumerate(self._chosen.topics.items(), start=1)
            if topic_matches_sub(topic, one.topic)
        )
        if number not in getattr(one.properties, "SubscriptionIdentifier", [number]):
            client.ack(one.mid, one.qos)  # where filters overlap, each brings a copy
            return
        content, at = bytes(one.payload), self._clock()
        self._arrived.put(_Arrived(sender, content, at, one.mid, one.qos, self._connection))


def _message(one: _Arrived, position: str) -> Message:
    document, unread = parsed(one.content)
    return Message(one.sender, CHANNEL, position, one.at, document, unread)
