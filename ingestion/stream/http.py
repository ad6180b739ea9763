"""The HTTP endpoint of the stream: JSON in, and an answer once it is in the lake.

`POST /v1/events/{sender}` takes an object, an array of them, or lines of them
(`application/x-ndjson`), plain, gzip or zstd, with the sender's key in `X-API-Key`. Sent again,
the same ids count once. 200 says of each message that was rejected why; 400 that nothing could be
read; 429 and 503 to come again.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import uuid4

import anyio
import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion.bodies import Bodies, Body, TooLarge, Undecodable, Unpacker
from ingestion.stream.gathering import Full, Gathering
from ingestion.stream.message import HTTP, Message, parsed
from mobilake.errors import TransientError
from mobilake.secrets import Secret

LINES = ("application/x-ndjson", "application/jsonl")
TRY_AGAIN = {"Retry-After": "1"}
MEGABYTE = 1 << 20

KeyOf = Callable[[str], Secret | None]
"""Returns the key of a sender; None where no such sender may send."""


class _Refused(Exception):
    """Raised for a request that is answered with an error."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.response = JSONResponse({"error": reason}, status, headers)


class Endpoint:
    """What answers the requests.

    Args:
        key_of: who may send, and with which key.
        clock: the time of receipt; aware UTC.
        max_body_mb: a request that is larger, unpacked, is refused.
        waiting_mb: of all requests under way.
        trouble_of: tells why other channels take nothing at present; None where all is well.
    """

    def __init__(
        self,
        gathering: Gathering,
        key_of: KeyOf,
        clock: Callable[[], datetime],
        max_body_mb: float,
        waiting_mb: float,
        trouble_of: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._gathering = gathering
        self._key_of = key_of
        self._clock = clock
        self._max_body = int(max_body_mb * MEGABYTE)
        self._bodies = Bodies(int(waiting_mb * MEGABYTE))
        self._trouble_of = trouble_of

    def application(self) -> Starlette:
        """Return the ASGI application; what was taken in is committed before it ends."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with anyio.create_task_group() as aside:
                aside.start_soon(self._gathering.run)
                yield
                aside.cancel_scope.cancel()

        routes = [
            Route("/v1/events/{sender}", self._take, methods=["POST"]),
            Route("/health", self._health),
        ]
        return Starlette(routes=routes, lifespan=lifespan)

    async def _health(self, request: Request) -> Response:
        trouble = self._gathering.trouble or self._trouble_of()
        return JSONResponse(
            {"waiting": self._gathering.waiting, "trouble": trouble}, 503 if trouble else 200
        )

    async def _take(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except _Refused as refused:
            return refused.response

    async def _answer(self, request: Request) -> Response:
        sender = request.path_params["sender"]
        self._check_key(sender, request.headers.get("x-api-key", ""))
        with self._bodies.new(self._max_body) as body:
            content = await self._content(request, body)
            messages = self._messages(sender, content, request.headers.get("content-type", ""))
            try:
                reasons = await self._gathering.land(messages, len(content))
            except Full as error:
                raise _Refused(429, str(error), TRY_AGAIN) from None
            except TransientError as error:
                raise _Refused(503, str(error), TRY_AGAIN) from None
        rejected = [
            {"index": index, "reason": reason} for index, reason in enumerate(reasons) if reason
        ]
        accepted = len(reasons) - len(rejected)
        told = {"received": len(reasons), "accepted": accepted, "rejected": rejected}
        return JSONResponse(told, 200 if accepted or not reasons else 400)

    def _check_key(self, sender: str, given: str) -> None:
        key = self._key_of(sender)
        expected = key.reveal() if key else ""
        if not hmac.compare_digest(given.encode(), expected.encode()) or not key:
            raise _Refused(401, f"X-API-Key is not the key of {sender}.")

    async def _content(self, request: Request, body: Body) -> bytes:
        try:
            unpacker = Unpacker(request.headers.get("content-encoding", ""), body)
        except Undecodable:
            raise _Refused(415, "Content-Encoding is none of gzip, deflate, zstd.") from None
        try:
            async for piece in request.stream():
                unpacker.feed(piece)
            return unpacker.content()
        except TooLarge:
            limit = f"{self._max_body / MEGABYTE:g} MB"
            if body.is_given_up:
                raise _Refused(429, "Too much is under way: send it again.", TRY_AGAIN) from None
            raise _Refused(413, f"The body is larger than {limit}: send less at once.") from None
        except Undecodable:
            raise _Refused(400, "The body is not of its Content-Encoding.") from None
        except ClientDisconnect:
            raise _Refused(400, "The body has no end.") from None

    def _messages(self, sender: str, content: bytes, kind: str) -> list[Message]:
        received_at, request_id = self._clock(), uuid4().hex

        def message(index: int, *told: Any) -> Message:
            return Message(sender, HTTP, f"{request_id}:{index}", received_at, *told)

        if kind.partition(";")[0].strip().lower() in LINES:
            lines = [line for line in content.splitlines() if line.strip()]
            self._check_number(len(lines))
            return [message(index, *parsed(line)) for index, line in enumerate(lines)]
        document, *others = parsed(content)
        if not isinstance(document, list):
            return [message(0, document, *others)]
        self._check_number(len(document))
        try:
            orjson.dumps(document)
        except orjson.JSONEncodeError:  # what is rejected of it could not be kept
            raise _Refused(400, "The array is nested too deeply.") from None
        return [message(index, one) for index, one in enumerate(document)]

    def _check_number(self, messages: int) -> None:
        if messages > self._gathering.most:
            raise _Refused(413, f"More than {self._gathering.most:,} messages: send fewer at once.")
