"""The lander: takes in what is sent over HTTP, Kafka and MQTT, until a signal ends it."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event

import anyio
import anyio.to_thread
import uvicorn

from ingestion.source import Context, Source
from ingestion.stream.gathering import Gathering
from ingestion.stream.http import MEGABYTE, Endpoint
from ingestion.stream.lander import Lander
from ingestion.stream.message import Intake
from ingestion.stream.pump import Pump
from mobilake.errors import MobilakeError
from mobilake.locks import alone
from mobilake.secrets import Secret, named_secret

log = logging.getLogger(__name__)

GRACE_S = 10


def run(context: Context, sources: Sequence[Source], accept_loss: bool = False) -> None:
    """Take in what comes until SIGTERM or SIGINT; what was taken in is committed first.

    Args:
        accept_loss: whether to go on after messages that Kafka deleted before they were read.

    Raises:
        MobilakeError: nothing can be sent here, a secret has no value, the port is taken, or a
            channel gives nothing before somebody has mended it.
        TransientError: another lander of this home reads from a broker.
    """
    chosen = context.settings.stream
    with ExitStack() as held:
        pumps = []
        if chosen.kafka.topics or chosen.mqtt.topics:
            held.enter_context(alone(context.settings.home / "locks" / "stream.lock", "stream"))
            pumps = _pumps(context, intake_of(sources), accept_loss)
        answers = endpoint(context, sources, pumps).application()
        config = uvicorn.Config(
            answers, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S
        )
        listener = held.enter_context(_listening(chosen.host, chosen.port))
        senders = ", ".join(chosen.senders)
        log.info("http://%s:%s/v1/events/{%s}", chosen.host, chosen.port, senders)
        anyio.run(_serve, _Server(config), listener, pumps)


def endpoint(context: Context, sources: Sequence[Source], pumps: Sequence[Pump] = ()) -> Endpoint:
    """Return what answers requests.

    Raises:
        MobilakeError: nothing can be sent here, or a key has no value.
    """
    chosen = context.settings.stream
    intake = intake_of(sources)
    if not chosen.senders and not pumps:
        raise MobilakeError(
            "Nobody may send anything: name the secrets of senders under [stream] senders in "
            'mobilake.toml, such as senders = { my_city = "my_devices" }, or topics under '
            "[stream.kafka] or [stream.mqtt]."
        )

    def key_of(sender: str) -> Secret | None:
        name = chosen.senders.get(sender)
        return named_secret(context.settings.home, name) if name else None

    for sender in chosen.senders:
        key_of(sender)
    gathering = Gathering(
        Lander(context, intake),
        linger_s=chosen.linger_s,
        limit=int(chosen.waiting_mb * MEGABYTE),
        most=chosen.commit_messages,
    )
    return Endpoint(
        gathering,
        key_of,
        context.clock,
        chosen.max_body_mb,
        chosen.waiting_mb,
        lambda: next((pump.trouble for pump in pumps if pump.trouble), None),
    )


def intake_of(sources: Sequence[Source]) -> Intake:
    """Return how what is sent becomes rows.

    Raises:
        MobilakeError: nothing can be sent here.
    """
    intakes = [source.intake for source in sources if source.intake]
    if len(intakes) != 1:
        raise MobilakeError("Of the [sources] in mobilake.toml just one can be sent to.")
    return intakes[0]


def _pumps(context: Context, intake: Intake, accept_loss: bool) -> list[Pump]:
    """Return what lands the messages of brokers, each with a lander of its own.

    Raises:
        MobilakeError: a secret has no value, or a setting is none of librdkafka's.
    """
    chosen, home, pumps = context.settings.stream, context.settings.home, []
    if chosen.kafka.topics:
        from ingestion.stream.kafka import Topics  # here, because few need it

        lander = Lander(context, intake)
        limits = (chosen.linger_s, chosen.commit_messages, chosen.waiting_mb)
        topics = Topics(chosen.kafka, home, lander, context.clock, *limits, accept_loss)
        pumps.append(Pump(topics, lander))
    if chosen.mqtt.topics:
        from ingestion.stream.mqtt import Subscriptions

        subscriptions = Subscriptions(chosen.mqtt, home, context.clock, chosen.linger_s)
        pumps.append(Pump(subscriptions, Lander(context, intake)))
    return pumps


class _Server(uvicorn.Server):
    """uvicorn would end by the signal itself once all is done, which looks like a failure."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(server: uvicorn.Server, listener: socket.socket, pumps: Sequence[Pump]) -> None:
    stop, failures = Event(), list[MobilakeError]()

    async def pump(one: Pump) -> None:
        try:
            await anyio.to_thread.run_sync(one.run, stop)
        except MobilakeError as error:
            failures.append(error)
            server.should_exit = True

    async with anyio.create_task_group() as aside:
        aside.start_soon(_stop_at_signal, server)
        async with anyio.create_task_group() as pumping:
            for one in pumps:
                pumping.start_soon(pump, one)
            try:
                await server.serve([listener])
            finally:
                stop.set()
        aside.cancel_scope.cancel()
    if failures:
        raise failures[0]


async def _stop_at_signal(server: uvicorn.Server) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("%s: no new requests; what is under way ends first", number.name)
            server.should_exit = True


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise MobilakeError(
            f"{host}:{port} cannot be listened on ({error.strerror}): is another lander running? "
            "Choose another port under [stream] in mobilake.toml."
        ) from None
    with listener:
        yield listener
