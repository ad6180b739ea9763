"""Topics of an MQTT 5 broker at QoS 1: each message is acknowledged once it is in the lake.

The broker keeps for this client what was not acknowledged, and sends it again: at least once.
"""

from __future__ import annotations

import logging
import ssl
import time
import zlib
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
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingestion.stream.message import MQTT, Message, parsed
from mobilake.errors import MobilakeError, TransientError
from mobilake.secrets import named_secret
from mobilake.settings import Mqtt

log = logging.getLogger(__name__)

PORTS = {"mqtt": 1883, "mqtts": 8883}
KEPT_S = 7 * 86_400
"""For how long a broker keeps what comes while no lander runs, if it agrees."""
LONGEST_PAUSE_S = 5
IDLE_S = 0.2
GREATEST_ID = 268_435_455
"""Of a subscription: it is made of the filter, as a session outlives an order of filters."""
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
        self._kept_since = 0
        self._one_at_a_time = Lock()
        self._refused: str | None = None
        self._asked: dict[int, str] = {}
        self._warned: set[str] = set()
        self._ids = {topic: zlib.crc32(topic.encode()) % GREATEST_ID + 1 for topic in chosen.topics}
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
            arrived = [self._arrived.get(timeout=IDLE_S)]
        except Empty:
            self._taken = []
            if not self._client.is_connected():
                raise TransientError(f"{self._chosen.url} is not connected") from None
            return []
        if self._arrived.empty():
            time.sleep(self._linger_s)
        while len(arrived) < self._chosen.at_once and not self._arrived.empty():
            arrived.append(self._arrived.get())
        # what a session keeps came again on the connection after
        self._taken = [
            one for one in arrived if one.connection >= self._kept_since or not one.quality
        ]
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
            if flags.session_present:
                self._kept_since = self._connection
        if self._connection > 1 and not flags.session_present:
            log.warning("%s: the broker has forgotten what it kept for us", self._chosen.url)
        for topic, number in self._ids.items():
            named = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
            named.SubscriptionIdentifier = number
            options = SubscribeOptions(qos=1)
            _, packet = client.subscribe(topic, options=options, properties=named)
            if packet is not None:  # else the connection has gone, and another one comes
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
        """Keep a message for the next batch; of the copies that overlapping filters bring, one."""
        ids = set(getattr(one.properties, "SubscriptionIdentifier", ()))
        chosen = [topic for topic in self._chosen.topics if _matches(topic, one.topic)]
        if not chosen:
            self._warn_once(
                "The broker sends what no topic of [stream.mqtt] asks for: of an earlier choice of "
                "topics. It does not land. Another client_id ends that session."
            )
        if not chosen or (ids and ids <= set(self._ids.values()) - {self._ids[chosen[0]]}):
            client.ack(one.mid, one.qos)
            return
        sender, at = self._chosen.topics[chosen[0]], self._clock()
        self._arrived.put(
            _Arrived(sender, bytes(one.payload), at, one.mid, one.qos, self._connection)
        )

    def _warn_once(self, told: str) -> None:
        if told not in self._warned:
            self._warned.add(told)
            log.warning(told)


def _matches(chosen: str, topic: str) -> bool:
    shared = chosen.split("/", 2)
    return topic_matches_sub(shared[2] if shared[0] == "$share" else chosen, topic)


def _message(one: _Arrived, position: str) -> Message:
    return Message(one.sender, MQTT, position, one.at, *parsed(one.content))
