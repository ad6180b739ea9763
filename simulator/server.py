"""The city's server: GBFS in three versions over real HTTP, an optional token, planned faults.

Beside the feeds stand the weather service of the region and the worldwide catalogue of systems.
"""

import asyncio
import hashlib
import hmac
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator import catalogue
from simulator.city import City
from simulator.clock import Clock
from simulator.faults import Fault
from simulator.feeds import Answer, Feeds
from simulator.gbfs import DIALECTS, LANGUAGE, TTL_S, VERSION
from simulator.gbfs.dialect import INDEX
from simulator.home import write_json
from simulator.moments import to_datetime, to_seconds
from simulator.weather_service import forecast

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
        token: what clients must send, if anything: in ``X-API-Key``, or as a bearer token.
        never_s: real seconds that a timeout fault keeps a client waiting.
    """
    faults = tuple(faults)
    feeds = {version: Feeds(city, faults, version) for version in DIALECTS}
    feeds[VERSION].answer("station_status", to_seconds(clock.now()))

    async def serve_feed(request: Request) -> Response:
        if token and not _knows(request, token):
            return JSONResponse({"error": f"send a token in {TOKEN_HEADER}"}, status_code=401)
        version = request.path_params.get("version", VERSION)
        feed = request.path_params.get("feed", INDEX)
        at, base_url = to_seconds(clock.now()), str(request.base_url)
        answer = feeds[version].answer(feed, at, base_url) if version in feeds else None
        if answer is None:
            return JSONResponse({"error": f"no feed {feed} in {version}"}, status_code=404)
        if answer.never:
            await asyncio.sleep(never_s)
        if answer.status != 200:
            return Response(answer.body, answer.status, media_type=answer.media_type)
        return _response(request, answer)

    async def serve_weather(request: Request) -> Response:
        asked, now = request.query_params, to_seconds(clock.now())
        try:
            days = date.fromisoformat(asked["start_date"]), date.fromisoformat(asked["end_date"])
            variables = asked["hourly"].split(",")
            told = forecast(city, now, *days, variables, has_faults=bool(faults))
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": True, "reason": str(error)}, status_code=400)
        return JSONResponse(told)

    async def serve_catalogue(request: Request) -> Response:
        listed = catalogue.document(city, to_seconds(clock.now()), str(request.base_url))
        return Response(listed, media_type="text/csv")

    app = Starlette(
        routes=[
            Route("/v1/forecast", serve_weather),
            Route("/systems.csv", serve_catalogue),
            Route("/gbfs.json", serve_feed),
            Route("/{version}/gbfs.json", serve_feed),
            Route("/gbfs/{version}/{feed}.json", serve_feed),
            Route(f"/gbfs/{{version}}/{LANGUAGE}/{{feed}}.json", serve_feed),
        ]
    )
    app.state.is_down = lambda: feeds[VERSION].is_down(to_seconds(clock.now()))
    return app


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
    """Make a quiet server that does not wait for slow answers when it stops.

    While the application is down it hangs up on whoever calls, without a word.
    """

    class Line(H11Protocol):
        def data_received(self, data: bytes) -> None:
            if app.state.is_down():
                self.transport.abort()
            else:
                super().data_received(data)

    return uvicorn.Server(
        uvicorn.Config(
            app, http=Line, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
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


def _knows(request: Request, token: str) -> bool:
    """Tell whether a request brings the token, in one header or the other."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    sent = request.headers.get(TOKEN_HEADER, bearer)
    return hmac.compare_digest(sent.encode(), token.encode())


def _response(request: Request, answer: Answer) -> Response:
    """Return a body with its validators, or without one if the client has it already."""
    body = answer.body.encode()
    published_at = to_datetime(answer.published_at)
    validators = {
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:24]}"',
        "Last-Modified": format_datetime(published_at, usegmt=True),
        "Cache-Control": f"max-age={TTL_S}",
    }
    if _has(request, validators["ETag"], published_at):
        return Response(status_code=304, headers=validators)
    return Response(body, headers=validators, media_type=answer.media_type)


def _has(request: Request, etag: str, published_at: datetime) -> bool:
    """Tell whether the client has the body: by its tag (weakly compared), else by its date."""
    if_none_match = request.headers.get("If-None-Match")
    if if_none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return etag in tags or "*" in tags
    try:
        since = parsedate_to_datetime(request.headers.get("If-Modified-Since", ""))
    except ValueError:
        return False
    return since.tzinfo is not None and since >= published_at
