"""The lander: takes in what is sent, until a signal ends it."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio
import uvicorn

from ingestion.source import Context, Source
from ingestion.stream.gathering import Gathering
from ingestion.stream.http import MEGABYTE, Endpoint
from ingestion.stream.lander import Lander
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret, named_secret

log = logging.getLogger(__name__)

GRACE_S = 10


def run(context: Context, sources: Sequence[Source]) -> None:
    """Answer requests until SIGTERM or SIGINT; what was taken in is committed first.

    Raises:
        MobilakeError: nothing can be sent here, a key has no value, or the port is taken.
    """
    chosen = context.settings.stream
    application = endpoint(context, sources).application()
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S
    )
    with _listening(chosen.host, chosen.port) as listener:
        log.info("http://%s:%s/v1/events/{%s}", chosen.host, chosen.port, ", ".join(chosen.senders))
        anyio.run(_serve, _Server(config), listener)


def endpoint(context: Context, sources: Sequence[Source]) -> Endpoint:
    """Return what answers requests.

    Raises:
        MobilakeError: nothing can be sent here, or a key has no value.
    """
    chosen = context.settings.stream
    intakes = [source.intake for source in sources if source.intake]
    if len(intakes) != 1:
        raise MobilakeError("Of the [sources] in mobilake.toml just one can be sent to.")
    if not chosen.senders:
        raise MobilakeError(
            "Nobody may send anything: name the secrets of senders under [stream] senders in "
            'mobilake.toml, such as senders = { my_city = "my_devices" }.'
        )

    def key_of(sender: str) -> Secret | None:
        name = chosen.senders.get(sender)
        return named_secret(context.settings.home, name) if name else None

    for sender in chosen.senders:
        key_of(sender)
    gathering = Gathering(
        Lander(context, intakes[0]),
        linger_s=chosen.linger_s,
        limit=int(chosen.waiting_mb * MEGABYTE),
        most=chosen.commit_messages,
    )
    return Endpoint(gathering, key_of, context.clock, chosen.max_body_mb, chosen.waiting_mb)


class _Server(uvicorn.Server):
    """uvicorn would end by the signal itself once all is done, which looks like a failure."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    async with anyio.create_task_group() as aside:
        aside.start_soon(_stop_at_signal, server)
        await server.serve([listener])
        aside.cancel_scope.cancel()


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
