"""What unit tests share: a project folder, a clock that stands still, a lake, a web server."""

import gzip
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.lake import Lake, RawTable
from ingestion.source import Context
from mobilake.secrets import Secret
from mobilake.settings import Settings, load

ROOT = Path(__file__).parents[2]
QUIET = {
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "SODA_CORE_TELEMETRY_ENABLED": "false",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test, and no library calls home."""
    for name in list(os.environ):
        if name.startswith("MOBILAKE_"):
            monkeypatch.delenv(name)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


class Clock:
    """Stands at one moment until it is put on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def put_on(self, **distance: float) -> None:
        self.now += timedelta(**distance)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key() -> Secret:
    return Secret("k" * 40)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a copy of the project's settings and nothing else."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(ROOT / "mobilake.toml", folder)
    return folder


@pytest.fixture
def settings(project: Path) -> Settings:
    return load(project)


@pytest.fixture
def lake(settings: Settings, clock: Clock) -> Lake:
    return Lake(settings.lake, clock)


@pytest.fixture
def context(settings: Settings, lake: Lake, clock: Clock) -> Context:
    return Context(settings, lake, clock)


@pytest.fixture(scope="session")
def thing() -> RawTable:
    """A raw table for tests of the platform: a key and a body."""
    return RawTable(
        "thing",
        "One row per thing.",
        pa.schema([pa.field("name", pa.string(), nullable=False), pa.field("body", pa.string())]),
    )


@dataclass
class Web:
    """A server on loopback; `pages` says what it answers, by path."""

    address: str
    pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, body: bytes | object, status: int = 200, **headers: str) -> str:
        """Answer `path` with bytes, or with a document as JSON; return its address."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if headers.get("Content_Encoding") == "gzip":
            content = gzip.compress(content)

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name.replace("_", "-"), value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)

        self.pages[path] = answer
        return self.address + path

    def hang(self, path: str) -> str:
        """Never answer `path`."""
        self.pages[path] = lambda request: self.closing.wait(30) and None
        return self.address + path


@pytest.fixture
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            if self.path in served.pages:
                served.pages[self.path](self)
            else:
                self.send_error(404)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        served = Web(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.closing.set()
        server.shutdown()
        thread.join()
