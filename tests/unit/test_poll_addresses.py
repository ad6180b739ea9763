"""Connections: only to the address that was checked, and under the name that was asked for."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingestion.addresses import LookUp, is_public
from ingestion.attempt import Attempt
from ingestion.http import Client
from mobilake.settings import Http

NAME = "feeds.example"


def ask(url: str, look_up: LookUp, allowed: tuple[str, ...] = (), timeout_s: float = 5) -> Attempt:
    async def once() -> Attempt:
        limits = Http(timeout_s=timeout_s, private_hosts=allowed)
        async with Client(limits, lambda: datetime.now(UTC), look_up) as client:
            return await client.get(url)

    return anyio.run(once)


def leading_to(*addresses: str) -> LookUp:
    async def look_up(host: str) -> list[str]:
        assert host == NAME
        return list(addresses)

    return look_up


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254",
        "100.64.0.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::808:808",
        "2002:7f00:1::", "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_name_with_any_private_address_is_refused(web: Any) -> None:
    url = web.put("/a", b"secret").replace("127.0.0.1", NAME)
    for addresses in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]):
        assert ask(url, leading_to(*addresses)).error == "forbidden_address"
    assert web.asked == []


def test_a_name_is_looked_up_once_so_that_it_cannot_change_after_the_check(web: Any) -> None:
    """Where the check and the connection looked it up each, the second answer would be used."""
    asked: list[str] = []

    async def look_up(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    url = web.put("/a", b"here").replace("127.0.0.1", NAME)
    assert ask(url, look_up, (NAME,)).body == b"here"
    assert asked == [NAME]


def test_the_next_address_is_tried_where_one_does_not_answer(web: Any) -> None:
    url = web.put("/a", b"here").replace("127.0.0.1", NAME)
    assert ask(url, leading_to("127.0.0.9", "127.0.0.1"), (NAME,)).body == b"here"
    assert ask(url, leading_to("127.0.0.9"), (NAME,)).error == "connection"
    assert ask(url, leading_to(), (NAME,)).error == "connection"


def test_an_address_that_stays_silent_does_not_keep_the_next_one_waiting(web: Any) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.9", int(web.address.rpartition(":")[2])))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        url = web.put("/a", b"here").replace("127.0.0.1", NAME)
        attempt = ask(url, leading_to("127.0.0.9", "127.0.0.1"), (NAME,))
        for one in waiting:
            one.close()
    assert attempt.body == b"here"


def test_a_resolver_that_hangs_is_a_timeout() -> None:
    async def hang(host: str) -> list[str]:
        await anyio.sleep_forever()
        raise AssertionError

    assert ask(f"http://{NAME}/", hang, timeout_s=0.1).error == "timeout"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the name alone, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def secure(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, list[Any]]]:
    """A server with TLS: its port, and the names that clients asked for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[Any] = []
    context.sni_callback = lambda connection, name, _: names.append(name)

    def serve() -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(9999)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere")
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], names
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_tls_asks_for_the_name_and_checks_it(secure: tuple[int, list[Any]]) -> None:
    port, names = secure
    assert ask(f"https://{NAME}:{port}/", leading_to("127.0.0.1"), (NAME,)).body == b"here"
    assert names == [NAME]
    by_address = ask(f"https://127.0.0.1:{port}/", leading_to(), ("127.0.0.1",))
    assert by_address.error == "connection"
