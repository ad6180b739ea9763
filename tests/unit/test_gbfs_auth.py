"""Systems that want a secret: it is sent where it belongs, and shown nowhere."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ingestion import service
from ingestion.credentials import Credential
from ingestion.http import Client
from ingestion.lake import Lake
from ingestion.pipeline import ingest
from ingestion.source import Context, load_sources
from ingestion.sources.gbfs import SOURCE
from ingestion.sources.gbfs.registry import System, register, systems
from ingestion.sources.gbfs.tables import GBFS_FETCH
from mobilake.cli import application
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret
from mobilake.settings import Http, Poll, Settings

VALUE = 'PLANTED/s3cret+"x"&y'
WRONG = "wrong-PLANTED"
WAYS = {
    "bearer": ("Authorization", f"Bearer {VALUE}"),
    "header:X-API-Key": ("X-API-Key", VALUE),
    "query:token": (None, quote(VALUE, safe="")),
}


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def context(settings: Settings) -> Context:
    chosen = settings.model_copy(
        update={
            "http": Http(timeout_s=5, private_hosts=("127.0.0.1", "localhost")),
            "poll": Poll(flush_s=0.2, registrations_s=0.1),
        }
    )
    return Context(chosen, Lake(chosen.lake, now), now)


def guard(web: Any, path: str, body: object, way: str) -> str:
    """Answer a path only to who knows the secret, and echo it; return its address."""
    name, value = WAYS[way]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(request: Any) -> None:
        told = request.headers[name] if name else request.path.partition("token=")[2]
        knows = told == value
        answered = content if knows else f"wrong key: {told}".encode()
        request.send_response(200 if knows else 401)
        request.send_header("ETag", f'"{told}"')
        request.send_header("Content-Length", str(len(answered)))
        request.end_headers()
        request.wfile.write(answered)

    web.pages[path] = web.pages[f"{path}?token={quote(VALUE, safe='')}"] = answer
    return str(web.address + path)


def guarded_system(web: Any, way: str) -> str:
    """Serve a system that wants the secret and puts it into all that it answers."""
    bodies: dict[str, object] = {
        "system_information": {"data": {"system_id": "sys", "timezone": "UTC", "key": VALUE}},
        "station_status": {"data": {"stations": [], "key": VALUE}},
        "vehicle_status": f"<p>{VALUE}".encode(),
    }
    listed = [
        {"name": name, "url": guard(web, f"/{name}", body, way)} for name, body in bodies.items()
    ]
    index = {"data": {"feeds": listed, "link": f"https://a.org/?token={quote(VALUE)}"}}
    return guard(web, "/gbfs.json", index, way)


def run(context: Context, *words: str) -> Any:
    return CliRunner().invoke(
        application(context, load_sources(context.settings)), list(words), obj=context
    )


def poll_until(context: Context, web: Any, requests: int) -> None:
    async def main() -> None:
        stop = anyio.Event()

        async def end() -> None:
            with anyio.move_on_after(20):
                while len(web.asked) < requests:
                    await anyio.sleep(0.01)
            stop.set()

        async with anyio.create_task_group() as group:
            group.start_soon(end)
            await service.serve(context, [SOURCE], 0.2, stop)

    anyio.run(main)


def everything(folder: Path) -> bytes:
    found = [file for file in folder.rglob("*") if file.is_file()]
    rows = [pq.read_table(file).to_pylist() for file in found if file.suffix == ".parquet"]
    return b"".join(file.read_bytes() for file in found) + repr(rows).encode()


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_sent_and_stands_nowhere(
    context: Context,
    web: Any,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for library in ("httpcore", "httpx", "asyncio"):
        caplog.set_level(logging.WARNING, library)  # as the command line has it
    monkeypatch.setenv("MOBILAKE_SECRET_CITY", VALUE)
    words = ["systems", "add", guarded_system(web, way), "--auth", way, "--secret", "city"]
    added = run(context, *words)
    assert added.exit_code == 0, added.exception
    assert systems(context.lake)["sys"].secret == "city"
    assert ingest(context, SOURCE).rows["gbfs_fetch"] == 4
    poll_until(context, web, len(web.asked) + 8)
    landed = context.lake.read(GBFS_FETCH, ["feed", "http_status", "error", "body"]).to_pylist()
    assert {row["http_status"] for row in landed} == {200}
    assert {row["error"] for row in landed if row["feed"] != "vehicle_status"} == {None}
    assert any("****" in (row["body"] or "") for row in landed)
    monkeypatch.setenv("MOBILAKE_SECRET_CITY", WRONG)
    ingest(context, SOURCE)
    refused = run(context, *words)
    assert "(http 40" in str(refused.exception)
    written = everything(context.settings.home).decode("latin-1")
    written += caplog.text + added.output + refused.output + str(refused.exception)
    for spelt in (VALUE, quote(VALUE), quote(VALUE, safe=""), json.dumps(VALUE)[1:-1]):
        assert spelt not in written
    assert "PLANTED" not in written
    assert WRONG not in written


def test_a_missing_secret_is_a_sentence_when_added_and_a_row_when_polled(
    context: Context, web: Any
) -> None:
    words = ["systems", "add", guarded_system(web, "bearer"), "--auth", "bearer"]
    error = run(context, *words, "--secret", "city").exception
    assert isinstance(error, MobilakeError)
    assert "set MOBILAKE_SECRET_CITY" in str(error)
    assert str(context.settings.home / "secrets" / "city") in str(error)
    assert web.asked == []
    register(
        context.lake,
        System("sys", web.address + "/gbfs.json", "UTC", 60, auth="bearer", secret="city"),
        now(),
    )
    ingest(context, SOURCE)
    assert web.asked == []
    landed = context.lake.read(GBFS_FETCH, ["feed", "error", "http_status"]).to_pylist()
    assert landed == [{"feed": "gbfs", "error": "no_secret", "http_status": None}]


def test_a_secret_that_comes_later_is_found_by_the_service(context: Context, web: Any) -> None:
    guarded_system(web, "bearer")
    register(
        context.lake,
        System("sys", web.address + "/gbfs.json", "UTC", 60, auth="bearer", secret="city"),
        now(),
    )
    file = context.settings.home / "secrets" / "city"

    async def main() -> None:
        stop = anyio.Event()

        async def write() -> None:
            await anyio.sleep(0.5)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(VALUE + "\n")
            with anyio.move_on_after(10):
                while "/station_status" not in web.asked:
                    await anyio.sleep(0.01)
            stop.set()

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            await service.serve(context, [SOURCE], 0.2, stop)

    anyio.run(main)
    landed = context.lake.read(GBFS_FETCH, ["feed", "error"]).to_pylist()
    assert {"feed": "gbfs", "error": "no_secret"} in landed
    assert {"feed": "station_status", "error": None} in landed


def heard(web: Any, path: str) -> list[str | None]:
    """Serve a path and return what it is told as a secret."""
    told: list[str | None] = []

    def answer(request: Any) -> None:
        told.append(request.headers["X-API-Key"])
        request.send_response(200)
        request.send_header("Content-Length", "2")
        request.end_headers()
        request.wfile.write(b"{}")

    web.pages[path] = answer
    return told


def ask(context: Context, url: str, credential: Credential) -> Any:
    async def once() -> Any:
        async with Client(context.settings.http, now) as client:
            return await client.get(url, credential=credential)

    return anyio.run(once)


@pytest.mark.parametrize(("hosts", "expected"), [((), None), (("localhost",), VALUE)])
def test_another_host_is_told_only_where_it_is_listed(
    context: Context, web: Any, hosts: tuple[str, ...], expected: str | None
) -> None:
    told = heard(web, "/there")
    elsewhere = web.address.replace("127.0.0.1", "localhost") + "/there"
    credential = Credential("header:X-API-Key", Secret(VALUE), web.address, hosts)
    assert ask(context, elsewhere, credential).error is None
    web.put("/here", b"", status=302, Location=elsewhere)
    assert ask(context, web.address + "/here", credential).error is None
    assert ask(context, web.address + "/there", credential).error is None
    assert told == [expected, expected, VALUE]


def test_a_redirect_that_carries_the_secret_away_is_not_followed(
    context: Context, web: Any
) -> None:
    elsewhere = web.address.replace("127.0.0.1", "localhost")
    credential = Credential("query:token", Secret(VALUE), web.address)
    for number, spelt in enumerate((VALUE, quote(VALUE, safe=""))):
        for path in (f"/{number}", f"/{number}?token={quote(VALUE, safe='')}"):
            web.put(path, b"", status=302, Location=f"{elsewhere}/x?token={spelt}")
        attempt = ask(context, f"{web.address}/{number}", credential)
        assert attempt.error == "forbidden_redirect"
    assert not any(path.startswith("/x") for path in web.asked)


@pytest.mark.parametrize(
    ("home", "url", "hosts", "is_for"),
    [
        ("https://a.org/gbfs.json", "https://a.org/x", (), True),
        ("https://a.org/gbfs.json", "https://A.ORG:443/x", (), True),
        ("https://a.org/gbfs.json", "http://a.org/x", (), False),
        ("https://a.org/gbfs.json", "https://a.org:8443/x", (), False),
        ("https://a.org/gbfs.json", "https://api.a.org/x", (), False),
        ("https://a.org/gbfs.json", "https://evil-a.org/x", (), False),
        ("https://a.org/gbfs.json", "https://a.org@evil.org/x", (), False),
        ("https://a.org/gbfs.json", "https://api.a.org/x", ("api.a.org",), True),
        ("https://a.org/gbfs.json", "http://api.a.org/x", ("api.a.org",), False),
        ("http://a.org/gbfs.json", "http://api.a.org/x", ("api.a.org",), True),
    ],
)
def test_whom_a_secret_is_for(home: str, url: str, hosts: tuple[str, ...], is_for: bool) -> None:
    credential = Credential("bearer", Secret(VALUE), home, hosts)
    assert credential.is_for(httpx.URL(url)) == is_for


def test_a_query_that_holds_the_name_already_is_answered_with_the_secret() -> None:
    credential = Credential("query:token", Secret("abcd"), "https://a.org")
    url, headers = credential.applied(httpx.URL("https://a.org/x?lang=en&token=old"))
    assert (str(url), headers) == ("https://a.org/x?lang=en&token=abcd", [])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--auth", "bearer"], "--auth and --secret belong together"),
        (["--secret", "city"], "--auth and --secret belong together"),
        (["--auth-hosts", "a.org"], "--auth and --secret belong together"),
        (["--auth", "basic", "--secret", "city"], "'basic' is no way to send a secret: write"),
        (["--auth", "header:", "--secret", "city"], "is no way to send a secret"),
        (["--auth", "header:Host", "--secret", "city"], "is no way to send a secret"),
        (["--auth", "header:A B", "--secret", "city"], "is no way to send a secret"),
        (["--auth", "query:a&b", "--secret", "city"], "is no way to send a secret"),
        (["--auth", "bearer", "--secret", "../x"], "This cannot be a secret's name"),
        (
            ["--auth", "bearer", "--secret", "city", "--auth-hosts", "https://a.org"],
            "'https://a.org' is no host",
        ),
    ],
)
def test_half_an_authentication_is_a_sentence(
    context: Context, web: Any, options: list[str], sentence: str
) -> None:
    error = run(context, "systems", "add", web.address + "/gbfs.json", *options).exception
    assert isinstance(error, MobilakeError)
    assert sentence in str(error)
    assert web.asked == []
