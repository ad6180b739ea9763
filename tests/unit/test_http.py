"""Asking by HTTP: every attempt has an outcome, and none leads where it must not."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from ingestion.http import Attempt, fetch, new_client, without_secrets
from mobilake.settings import Http


def now() -> datetime:
    return datetime.now(UTC)


def ask(url: str, **limits: Any) -> Attempt:
    chosen = Http(**({"timeout_s": 5, "private_hosts": ("127.0.0.1",)} | limits))

    async def once() -> Attempt:
        async with new_client(chosen) as client:
            return await fetch(client, url, chosen, now)

    return anyio.run(once)


def test_an_answer_is_kept_as_it_came(web: Any) -> None:
    attempt = ask(web.put("/a", b'{"a": 1}', ETag='"x"'))
    assert (attempt.http_status, attempt.error, attempt.body) == (200, None, b'{"a": 1}')
    assert attempt.etag == '"x"'
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
        (BAD["half an IPv6 address"], "connection"),  # httpx takes it for a broken answer
    ],
)
def test_a_redirect_to_a_bad_url_is_followed_no_further(
    web: Any, location: str, error: str
) -> None:
    assert ask(web.put("/a", b"", status=302, Location=location)).error == error


def by_number(address: str) -> str:
    return address.replace("127.0.0.1", "2130706433")


def by_name(address: str) -> str:
    return address.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("spelt", [str, by_name, by_number])
def test_loopback_is_refused_unless_allowed(web: Any, spelt: Callable[[str], str]) -> None:
    url = web.put("/a", b"secret")
    attempt = ask(spelt(url), private_hosts=())
    assert (attempt.error, attempt.body) == ("forbidden_address", None)
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
    ],
)
def test_secrets_in_urls_are_masked(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_an_attempt_shows_no_secret(web: Any) -> None:
    url = web.put("/a?token=s3cret", b"")
    attempt = ask(url.replace("http://", "http://user:s3cret@"))
    assert attempt.http_status == 200
    assert attempt.url == f"{web.address}/a?token=****"
