"""Asking by HTTP: every attempt has an outcome, and none leads where it must not."""

import gzip
import socket
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import anyio
import pytest
import zstandard

from ingestion.attempt import Attempt, Validators, seconds_of, without_secrets
from ingestion.http import Client
from mobilake.settings import Http


def now() -> datetime:
    return datetime.now(UTC)


def ask(url: str, validators: Validators | None = None, **limits: Any) -> Attempt:
    chosen = Http(**({"timeout_s": 5, "private_hosts": ("127.0.0.1",)} | limits))

    async def once() -> Attempt:
        async with Client(chosen, now) as client:
            return await client.get(url, validators or Validators())

    return anyio.run(once)


def test_an_answer_is_kept_as_it_came(web: Any) -> None:
    attempt = ask(web.put("/a", b'{"a": 1}', ETag='"x"'))
    assert (attempt.http_status, attempt.error, attempt.body) == (200, None, b'{"a": 1}')
    assert attempt.validators.etag == '"x"'
    assert attempt.requested_at <= attempt.fetched_at
    assert attempt.elapsed_ms > 0


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_an_error_page_is_kept_with_its_status(web: Any, status: int) -> None:
    attempt = ask(web.put("/a", b"sorry", status=status))
    assert (attempt.http_status, attempt.error) == (status, f"http_{status}")
    assert attempt.body == b"sorry"


def test_compressed_content_is_unpacked(web: Any) -> None:
    assert ask(web.put("/a", b"text" * 99, Content_Encoding="gzip")).body == b"text" * 99


def test_content_that_unpacks_too_large_is_refused(web: Any) -> None:
    url = web.put("/a", b"0" * 200_000, Content_Encoding="gzip")
    attempt = ask(url, max_body_mb=0.1)
    assert (attempt.error, attempt.body) == ("too_large", None)


def test_a_large_body_is_refused(web: Any) -> None:
    url = web.put("/a", b"0" * 200_000)
    assert ask(url, max_body_mb=0.1).error == "too_large"
    assert ask(url, max_body_mb=0.2).error is None


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "Gzip": gzip.compress,  # the server of the tests packs what is called gzip itself
    "x-gzip": lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:]),
    "deflate": zlib.compress,
    "DEFLATE": lambda text: zlib.compress(text)[2:-4],  # without its header, as some servers do
    "zstd": zstandard.compress,
    "identity": lambda text: text,
}


@pytest.mark.parametrize("encoding", PACKED)
def test_every_encoding_that_is_asked_for_is_unpacked(web: Any, encoding: str) -> None:
    text = b'{"a": 1}' * 9999
    url = web.put("/a", PACKED[encoding](text), Content_Encoding=encoding)
    assert ask(url).body == text


@pytest.mark.parametrize(
    ("encoding", "served"),
    [
        ("br", b"\x8b\x03\x80abc\x03"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"a"))),
        ("Gzip", b"no gzip"),
        ("Gzip", gzip.compress(b"a" * 999)[:-9]),
        ("deflate", b"\xff"),
        ("zstd", b"no zstd"),
    ],
    ids=["br", "gzip twice", "no gzip", "cut gzip", "deflate", "zstd"],
)
def test_what_cannot_be_unpacked_is_said_to_be_so(web: Any, encoding: str, served: bytes) -> None:
    attempt = ask(web.put("/a", served, Content_Encoding=encoding))
    assert (attempt.error, attempt.http_status, attempt.body) == ("undecodable", 200, None)
    attempt = ask(web.put("/b", served, status=503, Content_Encoding=encoding))
    assert (attempt.error, attempt.body) == ("http_503", None)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "identity"])
def test_two_hundred_megabytes_are_refused_early_and_never_held(web: Any, encoding: str) -> None:
    zeros = bytes(1 << 20)
    stream: Any = {
        "gzip": lambda: zlib.compressobj(1, wbits=31),
        "deflate": lambda: zlib.compressobj(1),
        "zstd": lambda: zstandard.ZstdCompressor().compressobj(),
    }.get(encoding, lambda: None)()
    sent: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(200):
            sent.append(number)
            yield stream.compress(zeros) if stream else zeros
        yield stream.flush() if stream else b""

    bomb = b"".join(pieces()) if stream else None

    def answer(request: Any) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Encoding: %s\r\n\r\n" % encoding.encode())
        for piece in [bomb] if bomb is not None else pieces():
            try:
                request.wfile.write(piece)
            except OSError:
                return

    web.pages["/bomb"] = answer
    sent.clear()
    tracemalloc.start()
    try:
        attempt = ask(web.address + "/bomb", max_body_mb=4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (attempt.error, attempt.body) == ("too_large", None)
    assert peak < 16 << 20
    assert len(sent) < 100


def test_a_length_that_is_too_large_is_refused_before_it_comes(web: Any) -> None:
    def announce(request: Any) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        web.closing.wait(30)

    web.pages["/a"] = announce
    assert ask(web.address + "/a").error == "too_large"


def test_all_bodies_together_are_within_a_bound_and_the_largest_is_given_up(web: Any) -> None:
    arrived = {"/small": 100_000, "/large": 900_000}

    def begin(request: Any) -> None:
        size = arrived[request.path]
        request.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(size))
        web.closing.wait(5)

    limits = Http(timeout_s=5, private_hosts=("127.0.0.1",), max_body_mb=2, bodies_mb=0.95)
    web.pages["/large"] = web.pages["/small"] = begin
    outcome: dict[str, str | None] = {}

    async def both() -> None:
        async with Client(limits, now) as client, anyio.create_task_group() as group:

            async def one(path: str) -> None:
                outcome[path] = (await client.sibling().get(web.address + path)).error
                web.closing.set()

            for path in arrived:
                group.start_soon(one, path)

    anyio.run(both)
    assert outcome == {"/small": "connection", "/large": "too_large"}


def test_a_body_that_drips_ends_with_the_time_of_the_request(web: Any) -> None:
    def drip(request: Any) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while not web.closing.wait(0.02):
            try:
                request.wfile.write(b" ")
            except OSError:
                return

    web.pages["/a"] = drip
    assert ask(web.address + "/a", timeout_s=0.3).error == "timeout"


def test_what_has_not_changed_is_not_sent_again(web: Any) -> None:
    def answer(request: Any) -> None:
        heard.append({name: request.headers[name] for name in conditions})
        request.send_response(304)
        request.end_headers()

    heard: list[dict[str, str | None]] = []
    conditions = ("If-None-Match", "If-Modified-Since")
    web.pages["/a"] = answer
    date = "Mon, 05 Jan 2026 12:00:00 GMT"
    for validators in (Validators('W/"x"', date), Validators(None, date)):
        attempt = ask(web.address + "/a", validators)
        assert attempt.is_not_modified
        assert (attempt.http_status, attempt.error, attempt.body) == (304, None, None)
    assert [list(one.values()) for one in heard] == [['W/"x"', None], [None, date]]
    unasked = ask(web.address + "/a")
    assert (unasked.error, unasked.is_not_modified) == ("http_304", False)


@pytest.mark.parametrize(
    ("error", "status", "transient"),
    [
        ("timeout", None, True),
        ("connection", None, True),
        ("http_429", 429, True),
        ("http_503", 503, True),
        ("http_404", 404, False),
        ("http_304", 304, False),
        ("too_large", 503, False),
        ("undecodable", 200, False),
        ("forbidden_address", None, False),
        ("no_secret", None, False),
        ("bad_url", None, False),
        (None, 200, False),
    ],
)
def test_errors_that_may_pass(error: str | None, status: int | None, transient: bool) -> None:
    attempt = Attempt("", now(), now(), 0.0, http_status=status, error=error)
    assert attempt.is_transient == transient


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("-5", 0),
        (format_datetime(datetime(2026, 1, 5, 12, 1, tzinfo=UTC), usegmt=True), 60),
        (format_datetime(datetime(2025, 1, 5, tzinfo=UTC), usegmt=True), 0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str | None, seconds: float | None) -> None:
    assert seconds_of(said, datetime(2026, 1, 5, 12, tzinfo=UTC)) == seconds


def test_silence_is_a_timeout(web: Any) -> None:
    attempt = ask(web.hang("/a"), timeout_s=0.15)
    assert (attempt.error, attempt.http_status, attempt.body) == ("timeout", None, None)
    assert 100 < attempt.elapsed_ms < 2000


def test_nobody_there_is_no_connection() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    assert ask(url).error == "connection"


def test_no_such_name_is_no_connection() -> None:
    assert ask("http://nobody.invalid/").error == "connection"


def test_what_is_no_http_is_no_connection(web: Any) -> None:
    web.pages["/a"] = lambda request: request.wfile.write(b"\x00\x01 what\r\n\r\n")
    assert ask(web.address + "/a").error == "connection"


def test_a_body_that_breaks_off_is_no_connection(web: Any) -> None:
    def half(request: Any) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    web.pages["/a"] = half
    assert ask(web.address + "/a").error == "connection"


def test_redirects_are_followed_and_end(web: Any) -> None:
    web.put("/a", b"", status=302, Location="b")
    web.put("/b", b"", status=301, Location=web.address + "/c")
    web.put("/c", b"there")
    web.put("/loop", b"", status=307, Location="/loop")
    assert ask(web.address + "/a").body == b"there"
    assert ask(web.address + "/a", max_redirects=1).error == "too_many_redirects"
    assert ask(web.address + "/loop").error == "too_many_redirects"
    assert web.asked.count("/loop") == 6


BAD = {
    "a file": "file:///etc/passwd",
    "another protocol": "ftp://127.0.0.1/a",
    "no URL": "gbfs.json",
    "nothing": "",
    "no host": "http:///a",
    "half an IPv6 address": "http://[::1",
    "no IPv6 address": "http://[here]/",
    "no port": "http://127.0.0.1:port/",
    "a port too high": "http://127.0.0.1:99999/",
    "port 0": "http://127.0.0.1:0/",
    "a label too long": f"http://{'a' * 80}.org/",
}


@pytest.mark.parametrize("url", BAD.values(), ids=BAD.keys())
def test_a_bad_url_is_said_to_be_so(url: str) -> None:
    assert ask(url).error == "bad_url"


@pytest.mark.parametrize(
    ("location", "error"),
    [
        (BAD["a file"], "bad_url"),
        ("http://127.0.0.1:99999/", "bad_url"),
        (BAD["half an IPv6 address"], "bad_url"),
        ("http://127.0.0.1/" + "a" * 5000, "http_302"),  # no address anybody would follow
    ],
)
def test_a_redirect_to_a_bad_url_is_followed_no_further(
    web: Any, location: str, error: str
) -> None:
    assert ask(web.put("/a", b"", status=302, Location=location)).error == error


def by_number(address: str) -> str:
    return address.replace("127.0.0.1", "2130706433")


def by_short_form(address: str) -> str:
    return address.replace("127.0.0.1", "127.1")


def by_hexadecimal(address: str) -> str:
    return address.replace("127.0.0.1", "0x7f.00.00.01")


def by_nothing(address: str) -> str:
    return address.replace("127.0.0.1", "0.0.0.0")


def by_mapping(address: str) -> str:
    return address.replace("127.0.0.1", "[::ffff:7f00:1]")


def by_name(address: str) -> str:
    return address.replace("127.0.0.1", "localhost")


SPELT = [str, by_name, by_number, by_short_form, by_hexadecimal, by_nothing, by_mapping]


@pytest.mark.parametrize("spelt", SPELT)
def test_loopback_is_refused_unless_allowed(web: Any, spelt: Callable[[str], str]) -> None:
    url = web.put("/a", b"secret")
    attempt = ask(spelt(url), private_hosts=())
    assert (attempt.error, attempt.body) == ("forbidden_address", None)
    assert not web.asked


def test_an_octal_address_is_none(web: Any) -> None:
    url = web.put("/a", b"secret").replace("127.0.0.1", "0177.0.0.1")
    assert ask(url, private_hosts=()).error in ("bad_url", "forbidden_address")
    assert not web.asked


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[fe80::1]", "[::ffff:127.0.0.1]"],
)
def test_private_addresses_are_refused(host: str) -> None:
    assert ask(f"http://{host}/latest", private_hosts=()).error == "forbidden_address"


def test_a_host_is_allowed_by_its_name(web: Any) -> None:
    url = by_name(web.put("/a", b"here"))
    assert ask(url, private_hosts=("localhost",)).body == b"here"


def test_a_redirect_leads_to_no_address_that_is_not_allowed(web: Any) -> None:
    web.put("/secret", b"secret")
    web.put("/a", b"", status=302, Location=web.address + "/secret")
    attempt = ask(by_name(web.address + "/a"), private_hosts=("localhost",))
    assert attempt.error == "forbidden_address"
    assert web.asked == ["/a"]


def test_no_proxy_of_the_environment_is_used(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert ask(web.put("/a", b"direct")).body == b"direct"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.org/gbfs.json", "https://a.org/gbfs.json"),
        ("https://user:pass@a.org:8080/x", "https://a.org:8080/x"),
        ("https://a.org/x?token=s3cret&lang=en", "https://a.org/x?token=****&lang=****"),
        ("https://a.org/x?s3cret=", "https://a.org/x?s3cret=****"),
        ("https://a.org/x#s3cret", "https://a.org/x"),
        ("http://user@[::1]:80/x", "http://[::1]:80/x"),
        ("http://[::1", "(unreadable URL)"),
        ("http://user:pass@a.org:port/", "(unreadable URL)"),
        ("http://a.org/" + "a" * 5000, "(URL too long)"),
    ],
)
def test_secrets_in_urls_are_masked(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_an_attempt_shows_no_secret(web: Any) -> None:
    url = web.put("/a?token=s3cret", b"")
    attempt = ask(url.replace("http://", "http://user:s3cret@"))
    assert attempt.http_status == 200
    assert attempt.url == f"{web.address}/a?token=****"
