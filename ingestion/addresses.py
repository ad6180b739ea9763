"""Connections to public addresses only: the address that was checked is the one connected to.

A feed index or a redirect can point anywhere, also into this machine's own network. A name is
looked up here, at the moment of connecting, so that it cannot lead elsewhere after the check.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from typing import Any

import anyio
import httpcore

STAGGER_S = 0.25
NAT64 = ipaddress.ip_network("64:ff9b::/96")
LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str], Awaitable[list[str]]]


class Forbidden(Exception):
    """Raised for a host that has an address which is not public."""


async def look_up(host: str) -> list[str]:
    """Return a host's addresses, in the order of the system's resolver.

    A resolver can hang for half a minute. Each look-up has a daemon thread of its own, so that it
    then holds up neither the other systems nor the end of the process.

    Raises:
        OSError: there is no such host.
        ValueError: the name cannot be one.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(found: list[str] | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found or [])

    def ask() -> None:
        found, failure = None, None
        try:
            entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except (OSError, ValueError) as error:
            failure = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found, failure)

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    return await answer


def is_public(text: str) -> bool:
    """Return whether an address, and any that it carries inside, is one of the public internet."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return all(_is_public(one) for one in (address, *_carried(address)))


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and (address in NAT64 or not address.is_reserved)
        and not getattr(address, "is_site_local", False)
        and address not in LOCAL_NAT64
    )


def _carried(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address of a transition technique leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    if address in NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour:
        return [address.sixtofour]
    return list(address.teredo or ())


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """Connects to hosts all of whose addresses are public, and to the hosts allowed by name.

    The name stays with httpcore for `Host` and for TLS; only the connection is made by address.
    """

    def __init__(self, allowed: Collection[str], look_up: LookUp = look_up) -> None:
        self._allowed = {host.lower().strip("[]") for host in allowed}
        self._look_up = look_up
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See `httpcore.AsyncNetworkBackend`.

        Raises:
            Forbidden: an address of the host is not public.
        """
        addresses = await self._addresses(host)
        if host.lower() not in self._allowed and not all(map(is_public, addresses)):
            raise Forbidden
        with anyio.fail_after(timeout):
            return await self._first_of(addresses, port)

    async def sleep(self, seconds: float) -> None:
        """See `httpcore.AsyncNetworkBackend`."""
        await anyio.sleep(seconds)

    async def _addresses(self, host: str) -> list[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            return await self._look_up(host)

    async def _first_of(self, addresses: list[str], port: int) -> httpcore.AsyncNetworkStream:
        """Try the addresses one after the other, a moment apart; the first that answers stays."""
        connected: list[httpcore.AsyncNetworkStream] = []

        async def connect(address: str, failed: anyio.Event) -> None:
            try:
                stream = await self._plain.connect_tcp(address, port)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                failed.set()
                return
            if connected:
                await stream.aclose()
            else:
                connected.append(stream)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for address in addresses:
                failed = anyio.Event()
                group.start_soon(connect, address, failed)
                with anyio.move_on_after(STAGGER_S):
                    await failed.wait()
        if not connected:
            raise httpcore.ConnectError("no address of the host answers")
        return connected[0]
