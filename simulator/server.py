"""The city's GBFS server: real HTTP with validators, an optional token and planned faults."""

import asyncio
import hashlib
import hmac
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.city import City
from simulator.clock import Clock
from simulator.faults import Fault
from simulator.feeds import Feeds
from simulator.gbfs import LANGUAGE, TTL_S, VERSION
from simulator.home import write_json
from simulator.moments import to_datetime, to_seconds

HOST = "127.0.0.1"
TOKEN_HEADER = "X-API-Key"
NEVER_S = 60.0
START_PATIENCE_S = 60.0


def make_app(
    city: City,
    clock: Clock,
    *,
    faults: Iterable[Fault] = (),
    token: str | None = None,
    never_s: float = NEVER_S,
) -> Starlette:
    """Make the application.

    Args:
        city: the city to serve.
        clock: tells the simulated present.
        faults: what the feeds do wrong, and when.
        token: what clients must send in the header ``X-API-Key``, if anything.
        never_s: real seconds that a timeout fault keeps a client waiting.
    """
    feeds = Feeds(city, faults)
    feeds.answer("station_status", to_seconds(clock.now()))

    async def serve_feed(request: Request) -> Response:
        if token and not hmac.compare_digest(
            request.headers.get(TOKEN_HEADER, "").encode(), token.encode()
        ):
            return JSONResponse({"error": f"send a token in {TOKEN_HEADER}"}, status_code=401)
        feed = request.path_params.get("feed", "gbfs")
        answer = feeds.answer(feed, to_seconds(clock.now()), str(request.base_url))
        if answer is None:
            return JSONResponse({"error": f"no feed {feed}"}, status_code=404)
        if answer.never:
            await asyncio.sleep(never_s)
        if answer.status != 200:
            return Response(answer.body, answer.status, media_type=answer.media_type)
        body = answer.body.encode()
        validators = {
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:24]}"',
            "Last-Modified": format_datetime(to_datetime(answer.published_at), usegmt=True),
            "Cache-Control": f"max-age={TTL_S}",
        }
        if _holds(request.headers.get("If-None-Match", ""), validators["ETag"]):
            return Response(status_code=304, headers=validators)
        return Response(body, headers=validators, media_type=answer.media_type)

    return Starlette(
        routes=[
            Route("/gbfs.json", serve_feed),
            Route(f"/gbfs/{VERSION}/{LANGUAGE}/{{feed}}.json", serve_feed),
        ]
    )


def bind(port: int = 0) -> socket.socket:
    """Return a bound socket on the loopback address; port 0 takes any free one."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the base address of a server on a socket."""
    return f"http://{HOST}:{bound.getsockname()[1]}"


def make_server(app: Starlette) -> uvicorn.Server:
    """Make a quiet server that does not wait for slow answers when it stops."""
    return uvicorn.Server(
        uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    )


def announce(home: Path, url: str) -> None:
    """Write where the server is to ``server.json``."""
    write_json(home / "server.json", {"url": url, "gbfs_url": f"{url}/gbfs.json"})


@contextmanager
def serving(
    city: City,
    clock: Clock,
    *,
    port: int = 0,
    faults: Iterable[Fault] = (),
    token: str | None = None,
    never_s: float = NEVER_S,
) -> Iterator[str]:
    """Serve the city in a thread of this process; yield the base address.

    Raises:
        TimeoutError: the server did not start.
    """
    app = make_app(city, clock, faults=faults, token=token, never_s=never_s)
    server, bound = make_server(app), bind(port)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        _await_start(server, thread)
        yield url_of(bound)
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause, waited_s = threading.Event(), 0.0
    while not server.started:
        if not thread.is_alive() or waited_s > START_PATIENCE_S:
            raise TimeoutError("the simulated server did not start")
        pause.wait(0.01)
        waited_s += 0.01


def _holds(if_none_match: str, etag: str) -> bool:
    """Tell whether the client already has the body, by the rules of weak comparison."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
