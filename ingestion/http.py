"""Asking a source by HTTP, within limits: every attempt has an outcome, none raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import anyio
import httpcore
import httpx

from ingestion.addresses import Forbidden, LookUp, PublicNetwork, look_up
from ingestion.attempt import (
    LONGEST_URL,
    NO_VALIDATORS,
    Attempt,
    Headers,
    Validators,
    seconds_of,
    without_secrets,
)
from ingestion.bodies import ACCEPTED, Bodies, TooLarge, Undecodable, Unpacker
from ingestion.credentials import Credential
from mobilake.settings import Http

USER_AGENT = "mobilake (open archive of shared mobility feeds)"
MEGABYTE = 1 << 20
LONGEST_HEADER = 4096
IDLE_S = 5.0
REDIRECTS = (301, 302, 303, 307, 308)


class _Refused(Exception):
    """Raised inside an attempt; its text is the attempt's error."""


class Client:
    """Asks, with connections kept for a moment; an async context manager.

    Any number of requests can be under way: who asks limits them, system by system, so that one
    that hangs keeps nobody waiting.
    """

    def __init__(
        self, limits: Http, clock: Callable[[], datetime], look_up: LookUp = look_up
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._bodies = Bodies(int(limits.bodies_mb * MEGABYTE))
        self._network = PublicNetwork(limits.private_hosts, look_up)
        self._tls = httpx.create_ssl_context()
        self._pool = self._new_pool()

    def sibling(self) -> Client:
        """Return a client with connections of its own, and the same bound of memory."""
        other = copy(self)
        other._pool = self._new_pool()
        return other

    def _new_pool(self) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=None,
            keepalive_expiry=IDLE_S,
            network_backend=self._network,
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pool.__aexit__(kind, error, traceback)

    async def get(
        self,
        url: str,
        validators: Validators = NO_VALIDATORS,
        credential: Credential | None = None,
        within_s: float | None = None,
        held: ExitStack | None = None,
    ) -> Attempt:
        """Get `url`, following redirects, and return what happened.

        Args:
            validators: of the document that is here already.
            credential: what proves us to the hosts that it is for.
            within_s: a limit of the whole request below that of the settings.
            held: until it is closed the body counts as under way; by default until it is here.
        """
        requested_at, started = self._clock(), time.monotonic()
        blank = Attempt(without_secrets(url), requested_at, requested_at, 0.0)
        limit_s = min(within_s or self._limits.timeout_s, self._limits.timeout_s)
        try:
            with anyio.fail_after(limit_s), ExitStack() as briefly:
                attempt = await self._follow(url, validators, credential, blank, held or briefly)
        except _Refused as refusal:
            attempt = replace(blank, error=str(refusal))
        except Forbidden:
            attempt = replace(blank, error="forbidden_address")
        except (TimeoutError, httpcore.TimeoutException):
            attempt = replace(blank, error="timeout")
        except (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol):
            attempt = replace(blank, error="bad_url")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
            attempt = replace(blank, error="connection")
        except (httpx.InvalidURL, ValueError):  # also a name that no resolver can be asked
            attempt = replace(blank, error="bad_url")
        elapsed_ms = round((time.monotonic() - started) * 1000, 1)
        return replace(attempt, fetched_at=self._clock(), elapsed_ms=elapsed_ms)

    async def _follow(
        self,
        url: str,
        validators: Validators,
        credential: Credential | None,
        blank: Attempt,
        held: ExitStack,
    ) -> Attempt:
        for _ in range(self._limits.max_redirects + 1):
            target, proof = _target(url, credential)
            async with self._pool.stream(
                "GET", _for_httpcore(target), headers=[*_OURS, *validators.headers, *proof]
            ) as response:
                location = _header(response, b"location")
                if response.status not in REDIRECTS or not location:
                    return await self._answer(response, validators, blank, held)
            url = urljoin(url, location)
            if credential and not credential.is_for(httpx.URL(url)) and credential.is_in(url):
                raise _Refused("forbidden_redirect")
        raise _Refused("too_many_redirects")

    async def _answer(
        self, response: httpcore.Response, sent: Validators, blank: Attempt, held: ExitStack
    ) -> Attempt:
        status = response.status
        is_usable = 200 <= status < 300 or (status == 304 and sent != NO_VALIDATORS)
        answered = replace(
            blank,
            http_status=status,
            validators=Validators(_header(response, b"etag"), _header(response, b"last-modified")),
            retry_after_s=seconds_of(_header(response, b"retry-after"), self._clock()),
            error=None if is_usable else f"http_{status}",
        )
        if status == 304:
            return answered
        try:
            return replace(answered, body=await self._read(response, held))
        except TooLarge:
            return replace(answered, error="too_large")
        except Undecodable:
            return replace(answered, error=answered.error or "undecodable")

    async def _read(self, response: httpcore.Response, held: ExitStack) -> bytes:
        limit = int(self._limits.max_body_mb * MEGABYTE)
        announced = _header(response, b"content-length") or ""
        if announced.isascii() and announced.isdigit() and int(announced) > limit:
            raise TooLarge
        body = held.enter_context(self._bodies.new(limit))
        unpacker = Unpacker(_header(response, b"content-encoding") or "", body)
        async for piece in response.aiter_stream():
            unpacker.feed(piece)
        return unpacker.content()


_OURS: Headers = [
    (b"User-Agent", USER_AGENT.encode()),
    (b"Accept", b"application/json, */*;q=0.5"),
    (b"Accept-Encoding", ACCEPTED.encode()),
]


def _target(url: str, credential: Credential | None) -> tuple[httpx.URL, Headers]:
    if len(url) > LONGEST_URL:
        raise _Refused("bad_url")
    target = httpx.URL(url)
    port = 80 if target.port is None else target.port
    if target.scheme not in ("http", "https") or not target.host or not 0 < port < 65536:
        raise _Refused("bad_url")
    try:
        return credential.applied(target) if credential else (target, [])
    except LookupError:
        raise _Refused("no_secret") from None


def _for_httpcore(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _header(response: httpcore.Response, name: bytes) -> str | None:
    """Return a header of the answer; one of unreasonable length counts as absent."""
    for key, value in response.headers:
        if key.lower() == name and len(value) <= LONGEST_HEADER:
            return str(value.decode("latin-1"))
    return None
