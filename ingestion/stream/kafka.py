"""Topics of Apache Kafka, read on from where the lake stands.

The offset of each partition is a transaction of the commits that hold its messages: the broker is
not asked what was read, and is not told.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from ingestion.stream.lander import Lander
from ingestion.stream.message import KAFKA, Mark, Message, parsed
from mobilake.errors import MobilakeError, TransientError
from mobilake.secrets import named_secret
from mobilake.settings import Kafka

log = logging.getLogger(__name__)
_librdkafka = logging.getLogger(f"{__name__}.librdkafka")
_librdkafka.setLevel(logging.CRITICAL)  # it tells each attempt, and values of settings

ANSWER_S = 5.0
IDLE_S = 0.2
ABSENT = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
FORBIDDEN = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
LOST = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)
LOOK_S = 30.0
"""How often new partitions are looked for."""

Partition = tuple[str, int]


class Topics:
    """The channel of some topics.

    Args:
        linger_s: for how long a commit waits for more to come.
        most: the messages of a commit.
        waiting_mb: what may be fetched before it is asked for.
        accept_loss: whether to go on after messages that Kafka deleted before they were read.

    Raises:
        MobilakeError: a secret has no value, or a setting is none of librdkafka's.
    """

    name = "Kafka"

    def __init__(
        self,
        chosen: Kafka,
        home: Path,
        lander: Lander,
        clock: Callable[[], datetime],
        linger_s: float,
        most: int,
        waiting_mb: float,
        accept_loss: bool = False,
    ) -> None:
        self._chosen = chosen
        self._lander = lander
        self._clock = clock
        self._linger_s = linger_s
        self._most = most
        self._accept_loss = accept_loss
        secrets = {name: named_secret(home, it).reveal() for name, it in chosen.secrets.items()}
        connection: dict[str, Any] = {
            **chosen.options,
            **secrets,
            "bootstrap.servers": chosen.brokers,
            "error_cb": self._hear,
        }
        reading = {
            "group.id": "mobilake",  # it has to have a name, and commits nothing
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "queued.max.messages.kbytes": min(max(int(waiting_mb * 1024), 1), 2_097_151),
        }
        try:
            self._admin = AdminClient(connection, logger=_librdkafka)
            self._consumer = Consumer(connection | reading, logger=_librdkafka)
        except KafkaException as error:
            raise _unfit(error) from None
        self._heard = ""
        self._told: set[int] = set()
        self._logs: dict[Partition, str] = {}
        self._next: dict[Partition, int] = {}
        self._look_at = 0.0

    def take(self) -> Sequence[Message]:
        """Return what came.

        Raises:
            TransientError: the brokers cannot be reached.
            MobilakeError: a topic is not there, or messages are missing.
        """
        if time.monotonic() >= self._look_at:
            self._look()
        messages, consume = [], self._consumer.consume
        for one in consume(self._most, self._linger_s) or consume(1, IDLE_S):
            error = one.error()
            if error:
                self._mind(error)
            else:
                messages.append(self._message(one))
        return messages

    def confirm(self) -> None:
        """Do nothing: the commit has said it."""

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()

    def _look(self) -> None:
        """Begin to read the partitions that are not read yet.

        Raises:
            TransientError: the brokers cannot be reached.
            MobilakeError: a topic is not there, or may not be read.
        """
        try:
            new = sorted(set(self._partitions()) - set(self._next))
            if new:
                self._begin(new)
        except KafkaException as error:
            raise TransientError(
                f"{self._chosen.brokers} does not answer: {self._heard or error.args[0].str()}"
            ) from None
        self._heard, self._look_at = "", time.monotonic() + LOOK_S
        self._told.clear()

    def _partitions(self) -> Iterable[Partition]:
        there = self._consumer.list_topics(timeout=ANSWER_S).topics
        read = {topic for topic, _ in self._next}
        for topic in self._chosen.topics:
            error = there[topic].error if topic in there else None
            is_absent = topic not in there or (error and error.code() in ABSENT)
            if is_absent and topic not in read:
                raise MobilakeError(
                    f"Kafka shows no topic {topic} at {self._chosen.brokers}: make it, let this "
                    "user see it, or mend [stream.kafka] topics in mobilake.toml."
                )
            if error and error.code() in FORBIDDEN:
                raise _forbidden(error, topic)
            if is_absent or error:
                raise TransientError(f"{topic}: {error.str() if error else 'not shown'}")
            yield from ((topic, number) for number in there[topic].partitions)

    def _begin(self, new: Sequence[Partition]) -> None:
        ids = self._topic_ids({topic for topic, _ in new})
        logs = {one: f"{KAFKA}:{one[0]}:{ids[one[0]]}:{one[1]}" for one in new}
        stand, begin = self._lander.resume(logs.values()), {}
        for one, name in logs.items():
            first, end = self._consumer.get_watermark_offsets(TopicPartition(*one), ANSWER_S)
            offset = stand[name]
            if offset is not None and not first <= offset <= end:
                self._check_loss(one, offset, first, end)
            begin[one] = first if offset is None else max(offset, first)
        self._consumer.incremental_assign([TopicPartition(*one, begin[one]) for one in new])
        self._next |= begin
        self._logs |= logs
        for one, offset in begin.items():
            log.info("%s:%s is read from offset %s on", *one, offset)

    def _check_loss(self, partition: Partition, offset: int, first: int, end: int) -> None:
        place = "{}:{}".format(*partition)
        if offset > end:
            raise MobilakeError(
                f"Kafka's {place} ends at offset {end}, and the lake holds it up to {offset}: the "
                "broker has lost messages, or is another one. Make the topic anew, under which "
                "name you like: it is read from its beginning then."
            )
        told = f"Kafka deleted messages {offset} to {first - 1} of {place} before they were read"
        if not self._accept_loss:
            raise MobilakeError(f"{told}. `mobilake stream --accept-loss` goes on with {first}.")
        log.warning("%s: going on with %s.", told, first)

    def _topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Return what tells a topic from an earlier one of its name; nothing on old brokers."""
        asked = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=ANSWER_S)
        ids = {}
        for topic, answer in asked.items():
            try:
                ids[topic] = str(answer.result().topic_id)
            except KafkaException as error:
                if error.args[0].code() != KafkaError._UNSUPPORTED_FEATURE:
                    raise
                ids[topic] = ""
        return ids

    def _message(self, one: Any) -> Message:
        topic, number, offset = one.topic(), one.partition(), one.offset()
        expected = self._next[topic, number]
        if offset != expected and not (self._chosen.holes and offset > expected):
            raise MobilakeError(
                f"Of {topic}:{number} the message {expected} was to come, and {offset} came. If "
                "the topic is compacted, or producers use transactions, set [stream.kafka] "
                "holes = true in mobilake.toml."
            )
        self._next[topic, number] = offset + 1
        document, content, is_json = parsed(one.value() or b"")
        kind, milliseconds = one.timestamp()
        is_brokers = kind == TIMESTAMP_LOG_APPEND_TIME
        return Message(
            sender=self._chosen.topics[topic],
            channel=KAFKA,
            position=f"{topic}:{number}:{offset}",
            received_at=datetime.fromtimestamp(milliseconds / 1000, UTC)
            if is_brokers
            else self._clock(),
            document=document,
            content=content,
            is_json=is_json,
            mark=Mark(self._logs[topic, number], offset),
        )

    def _mind(self, error: KafkaError) -> None:
        """Hear an error; end with those that librdkafka does not mend by trying again."""
        if error.code() in FORBIDDEN:
            raise _forbidden(error, "a topic")
        if error.code() in LOST or error.fatal():
            raise MobilakeError(
                f"Kafka: {error.str()}. Start `mobilake stream` again: it says what is missing."
            )
        self._hear(error)

    def _hear(self, error: KafkaError) -> None:
        """Keep what librdkafka says while it tries again by itself; look at the brokers soon."""
        if error.code() not in self._told:
            log.warning("Kafka: %s", error.str())
            self._told.add(error.code())
        self._heard, self._look_at = error.str(), 0.0


def _forbidden(error: KafkaError, topic: str) -> MobilakeError:
    return MobilakeError(
        f"Kafka does not let this user read {topic}: {error.str()}. Grant it Read and Describe, or "
        "mend [stream.kafka] options and secrets in mobilake.toml."
    )


def _unfit(error: KafkaException) -> MobilakeError:
    """Name the setting that librdkafka refuses, and not its value: it may be a secret."""
    told = error.args[0].str()
    named = re.findall(r'property:? "([^"]+)"', told)
    what = f"{named[-1]!r} of " if named else ""
    return MobilakeError(
        f"librdkafka refuses {what}[stream.kafka] options or secrets in mobilake.toml."
    )
