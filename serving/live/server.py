"""`mobilake serve`: follows the lake in one thread, answers requests in others."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from threading import Event, Thread

import uvicorn

from ingestion.source import Context, Source
from mobilake.errors import MobilakeError
from serving.live.http import application
from serving.live.service import Live
from serving.notices import notices_of

log = logging.getLogger(__name__)

GRACE_S = 5


def run(context: Context, sources: Sequence[Source]) -> None:
    """Serve the present until SIGTERM or SIGINT.

    Raises:
        MobilakeError: nothing is published yet, the models are broken, or the port is taken.
    """
    settings = context.settings
    chosen = settings.serve
    live = Live(context, {table.name: table for source in sources for table in source.tables})
    with _listening(chosen.host, chosen.port) as listener:
        stop = Event()
        following = Thread(target=live.run, args=(stop,), name="live", daemon=True)
        following.start()
        telling = notices_of(context, lambda mart: live.ask(mart, {}))
        if telling:
            Thread(target=telling.run, args=(stop,), name="notices", daemon=True).start()
        log.info("http://%s:%s", chosen.host, chosen.port)
        config = uvicorn.Config(
            application(live, settings.root / chosen.page if chosen.page else None),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
        )
        try:
            uvicorn.Server(config).run([listener])
        finally:
            stop.set()
            following.join(GRACE_S)


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise MobilakeError(
            f"{host}:{port} cannot be listened at ({error.strerror}): end what does, or choose "
            "another port (MOBILAKE_SERVE__PORT)."
        ) from None
