"""What the tests of the stream share: the lander, and real brokers on loopback.

Kafka comes from Maven Central by way of Ivy (Debian's `ivy` and a Java runtime), once, into the
user's cache; mosquitto is Debian's. A part that is missing skips the test, and fails it in CI.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import httpx
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

KAFKA = ("org.apache.kafka", "kafka_2.13", "4.1.1")
IVY = Path("/usr/share/java/ivy.jar")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mobilake-tests"
API_KEY = "a-key-of-devices-0123456789"


@dataclass
class Broker:
    """A server of our own: where it listens, and how it is started, killed and started again."""

    port: int
    command: list[str]
    is_up: Callable[[int], bool]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: self.is_up(self.port), 60, "the broker does not answer")

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@dataclass
class Landing:
    """The lander of a workspace, started as a user would."""

    workspace: object
    port: int
    api_key: str = API_KEY
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        process = self.workspace.start("stream", *words, **environment)
        self.started.append(process)

        def answers() -> bool:
            assert process.poll() is None, process.communicate()[0]
            return self.health() is not None

        until(answers, 30, "the lander does not listen")
        return process

    def health(self) -> dict[str, object] | None:
        try:
            told: dict[str, object] = httpx.get(f"{self.url}/health").json()
        except httpx.HTTPError:
            return None
        return told

    def another_port(self) -> str:
        return str(free_port())

    def stop(self, process: subprocess.Popen[str]) -> str:
        """End it as a service manager does; return what it said."""
        process.terminate()
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert "all that was accepted has landed" in said
        return said


def until(is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            pytest.fail(otherwise)
        time.sleep(0.1)


def missing(what: str) -> None:
    """Skip a test for want of a part; in CI no part may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and in CI nothing may be missing")
    pytest.skip(what)


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def lander(workspace) -> Iterator[Landing]:
    """Starts the lander on a port of its own, and waits until it listens."""
    landing = Landing(workspace, free_port())
    workspace.environment = {
        "MOBILAKE_STREAM__PORT": str(landing.port),
        "MOBILAKE_STREAM__SENDERS": '{"town": "devices"}',
        "MOBILAKE_SECRET_DEVICES": API_KEY,
    }
    yield landing
    for process in landing.started:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    """The folder of Kafka's jars, fetched where they are not there yet."""
    if not shutil.which("java") or not IVY.exists():
        missing("Kafka needs Java and Ivy (apt-get install default-jre-headless ivy)")
    folder = CACHE / "-".join(KAFKA[1:])
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(dir=CACHE))
        wanted = ["-dependency", *KAFKA, "-confs", "default"]
        kept = [
            "-cache",
            str(draft / "ivy"),
            "-retrieve",
            f"{draft}/jars/[artifact]-[revision].[ext]",
        ]
        fetched = subprocess.run(
            ["java", "-jar", str(IVY), *wanted, *kept], capture_output=True, text=True, check=False
        )
        if fetched.returncode:
            missing(f"Maven Central does not give Kafka: {fetched.stdout[-500:]}")
        (draft / "jars").rename(folder)
        shutil.rmtree(draft)
    return folder


@pytest.fixture(scope="session")
def kafka_broker(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker in KRaft mode, its own controller."""
    home, port, inner = tmp_path_factory.mktemp("kafka"), free_port(), free_port()
    settings = home / "server.properties"
    told = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{inner}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{inner}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": home / "data",
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
    }
    settings.write_text("\n".join(f"{name}={value}" for name, value in told.items()))
    java = ["java", "-Xmx512m", "-cp", f"{kafka_jars}/*"]
    cluster = ["-t", "mobilakemobilakemobila", "-c", str(settings)]
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", *cluster], check=True, capture_output=True
    )
    broker = Broker(port, [*java, "kafka.Kafka", str(settings)], _kafka_answers)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def topic(make_topic: Callable[[str], None], request: pytest.FixtureRequest) -> str:
    """A topic of the test's own."""
    name = request.node.name.partition("[")[0]
    make_topic(name)
    return name


@pytest.fixture
def make_topic(kafka_broker: Broker) -> Callable[[str], None]:
    """Makes a topic of three partitions."""

    def make(name: str) -> None:
        admin = AdminClient({"bootstrap.servers": kafka_broker.address})
        admin.create_topics([NewTopic(name, 3, 1)])[name].result()

    return make


def _kafka_answers(port: int) -> bool:
    quiet = {"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0}
    try:
        return bool(AdminClient(quiet).list_topics(timeout=1).brokers)
    except KafkaException:
        return False


@pytest.fixture
def mosquitto(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Broker]:
    """An MQTT broker that keeps its sessions when it is killed."""
    command = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if not command:
        missing("mosquitto is not here (apt-get install mosquitto)")
    port, settings = free_port(), tmp_path / "mosquitto.conf"
    told = (
        f"listener {port} 127.0.0.1", getattr(request, "param", "allow_anonymous true"),
        "persistence true",
        f"persistence_location {tmp_path}/", "autosave_on_changes true", "autosave_interval 1",
        "max_queued_messages 0", "max_inflight_messages 0",
    )  # fmt: skip
    settings.write_text("\n".join(told) + "\n")
    if os.geteuid() == 0:
        settings.write_text(settings.read_text() + "user root\n")
    broker = Broker(port, [str(command), "-c", str(settings)], _listens)
    broker.start()
    yield broker
    broker.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def heartbeat() -> Callable[[str], str]:
    """Makes an event as a device sends it."""

    def make(event_id: str) -> str:
        return json.dumps(
            {
                "event_id": event_id,
                "device_kind": "dock",
                "device_id": "dock-1",
                "event_type": "heartbeat",
                "occurred_at": "2026-05-01T10:00:00Z",
            }
        )

    return make


@pytest.fixture
def meanwhile() -> Callable[..., AbstractContextManager[None]]:
    """Runs something beside a block, and tells it when the block is over."""

    @contextmanager
    def run(call: Callable[[], None], enough: threading.Event) -> Iterator[None]:
        beside = threading.Thread(target=call)
        beside.start()
        try:
            yield
        finally:
            enough.set()
            beside.join(90)

    return run


@pytest.fixture
def wait() -> Callable[[Callable[[], bool], float, str], None]:
    """Waits until something is so."""
    return until
