"""Asking a source by HTTP, within limits: every attempt has an outcome, none raises."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urljoin, urlsplit, urlunsplit

import anyio.to_thread
import httpx

from mobilake.settings import Http

USER_AGENT = "mobilake (open archive of shared mobility feeds)"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a URL.

    Attributes:
        body: the bytes received (after content decoding), also of an error page; None where
            nothing came.
        error: None, or why there is no usable answer: `timeout`, `connection`, `too_large`,
            `forbidden_address`, `too_many_redirects`, `bad_url`, `http_<status>`.
    """

    url: str
    requested_at: datetime
    fetched_at: datetime
    elapsed_ms: float
    http_status: int | None = None
    etag: str | None = None
    body: bytes | None = None
    error: str | None = None


class _Refused(Exception):
    """Raised inside an attempt; its text is the attempt's error."""


async def fetch(
    client: httpx.AsyncClient, url: str, limits: Http, clock: Callable[[], datetime]
) -> Attempt:
    """Get `url`, following redirects, and return what happened."""
    requested_at, started = clock(), time.monotonic()
    blank = Attempt(without_secrets(url), requested_at, requested_at, 0.0)
    try:
        with anyio.fail_after(limits.timeout_s):
            attempt = await _follow(client, url, limits, blank)
    except TimeoutError:
        attempt = replace(blank, error="timeout")
    except _Refused as refusal:
        attempt = replace(blank, error=str(refusal))
    except httpx.TimeoutException:
        attempt = replace(blank, error="timeout")
    except (httpx.HTTPError, OSError):
        attempt = replace(blank, error="connection")
    except (httpx.InvalidURL, ValueError):  # the standard library's word for a bad URL
        attempt = replace(blank, error="bad_url")
    elapsed_ms = round((time.monotonic() - started) * 1000, 1)
    return replace(attempt, fetched_at=clock(), elapsed_ms=elapsed_ms)


def new_client(limits: Http) -> httpx.AsyncClient:
    """Return a client that follows no redirect by itself and trusts no proxy of the environment."""
    return httpx.AsyncClient(
        timeout=limits.timeout_s,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": USER_AGENT},
        limits=httpx.Limits(max_connections=limits.concurrency),
    )


def without_secrets(url: str) -> str:
    """Return the URL without user, password and the values of its query: they may be tokens."""
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(unreadable URL)"
    query = "&".join(f"{pair.split('=')[0]}=****" for pair in parts.query.split("&") if pair)
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, query, ""))


async def _follow(client: httpx.AsyncClient, url: str, limits: Http, blank: Attempt) -> Attempt:
    for _ in range(limits.max_redirects + 1):
        await _check_address(url, limits.private_hosts)
        async with client.stream("GET", url) as response:
            if response.has_redirect_location:
                url = urljoin(url, response.headers["location"])
                continue
            body = await _read(response, int(limits.max_body_mb * 1024 * 1024))
            status = response.status_code
            return replace(
                blank,
                http_status=status,
                etag=response.headers.get("etag"),
                body=body,
                error=None if response.is_success or status == 304 else f"http_{status}",
            )
    raise _Refused("too_many_redirects")


async def _read(response: httpx.Response, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes(1 << 16):
        size += len(chunk)
        if size > limit:
            raise _Refused("too_large")
        chunks.append(chunk)
    return b"".join(chunks)


async def _check_address(url: str, allowed: Collection[str]) -> None:
    """Refuse hosts whose addresses are not public, unless the settings name the host.

    A feed index or a redirect can point anywhere, also at this machine's own network.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise _Refused("bad_url")
    if parts.hostname in allowed:
        return
    found = await anyio.to_thread.run_sync(
        socket.getaddrinfo, parts.hostname, None, 0, socket.SOCK_STREAM, abandon_on_cancel=True
    )
    addresses = {str(entry[4][0]).split("%")[0] for entry in found}
    if not all(ipaddress.ip_address(address).is_global for address in addresses):
        raise _Refused("forbidden_address")
