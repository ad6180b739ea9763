"""What is sent over HTTP is in the lake before it is answered, or the sender is told why not."""

import gzip
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ingestion.dead_letters import DEAD_LETTER
from ingestion.lake import Lake
from ingestion.privacy import RESTRICTED, pseudonym, unseal
from ingestion.source import Context, load_sources
from ingestion.sources.events.tables import DEVICE_EVENT
from ingestion.stream.lander import Lander
from ingestion.stream.service import endpoint
from mobilake.errors import MobilakeError
from mobilake.secrets import pseudonym_key
from mobilake.settings import Settings, Stream

API_KEY = "a-key-of-devices-0123456789"
PATH = "/v1/events/town"
EVENT = {
    "event_id": "1",
    "device_kind": "dock",
    "device_id": "PA-001/3",
    "event_type": "dock_locked",
    "vehicle_id": "PLANTED-1",
    "occurred_at": "2026-01-05T11:59:00Z",
}


@pytest.fixture
def context(settings: Settings, lake: Lake, clock: Any, monkeypatch: Any) -> Context:
    monkeypatch.setenv("MOBILAKE_SECRET_DEVICES", API_KEY)
    chosen = Stream(senders={"town": "devices"}, max_body_mb=0.1, linger_s=0.001)
    return Context(settings.model_copy(update={"stream": chosen}), lake, clock)


@pytest.fixture
def client(context: Context) -> Iterator[TestClient]:
    sources = list(load_sources(context.settings).values())
    application = endpoint(context, sources).application()
    with TestClient(application, headers={"X-API-Key": API_KEY}) as made:
        yield made


def events(lake: Lake) -> list[str]:
    rows = lake.read(DEVICE_EVENT, ["event_id"])
    return sorted(rows.column("event_id").to_pylist())


def dead(lake: Lake) -> list[tuple[str, str | None]]:
    rows = lake.read(DEAD_LETTER, ["reason", "payload"]).to_pylist()
    return sorted((row["reason"], row["payload"]) for row in rows)


def test_an_event_is_in_the_lake_when_it_is_answered(client: TestClient, lake: Lake) -> None:
    answer = client.post(PATH, json=EVENT)
    assert answer.status_code == 200
    assert answer.json() == {"received": 1, "accepted": 1, "rejected": []}
    (row,) = lake.read(DEVICE_EVENT, [*DEVICE_EVENT.columns.names]).to_pylist()
    assert row["system_id"] == "town"
    assert row["source"] == "http"
    assert row["received_at"].isoformat() == "2026-01-05T12:00:00+00:00"


def test_no_file_names_the_vehicle(client: TestClient, lake: Lake, settings: Settings) -> None:
    client.post(PATH, json=[EVENT, EVENT | {"occurred_at": None, "event_id": "PLANTED-1:7"}])
    client.post(PATH, content=b"{PLANTED-1")
    rows = lake.read(DEVICE_EVENT, ["vehicle_id"]).to_pylist()
    key = pseudonym_key(settings.home)
    assert rows == [{"vehicle_id": pseudonym("PLANTED-1", key)}]
    sealed = lake.read(RESTRICTED, ["sealed"]).column("sealed").to_pylist()
    texts = sorted(unseal(one, key) for one in sealed)
    assert [text[:12] for text in texts] == ['{"event_id":', "{PLANTED-1"]
    files = [file for file in Path(lake.root).rglob("*") if file.is_file()]
    assert not [file for file in files if b'"PLANTED' in file.read_bytes()]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (json.dumps([EVENT, EVENT | {"event_id": "2"}]).encode(), {}),
        (
            b"\n".join(json.dumps(EVENT | {"event_id": n}).encode() for n in ("1", "2")) + b"\n\n",
            {"Content-Type": "application/x-ndjson; charset=utf-8"},
        ),
        (
            gzip.compress(json.dumps([EVENT, EVENT | {"event_id": 2}]).encode(), mtime=0),
            {"Content-Encoding": "gzip"},
        ),
    ],
    ids=["array", "lines", "gzip"],
)
def test_several_can_be_sent_at_once(
    client: TestClient, lake: Lake, content: bytes, headers: dict[str, str]
) -> None:
    answer = client.post(PATH, content=content, headers=headers)
    assert answer.json()["accepted"] == 2
    assert events(lake) == ["1", "2"]


def test_what_is_wrong_is_told_and_kept_and_the_rest_lands(client: TestClient, lake: Lake) -> None:
    wrong = [7, {"device_kind": "dock"}, EVENT | {"occurred_at": "1970-01-01T00:00:00Z"}]
    answer = client.post(PATH, json=[*wrong, EVENT])
    assert answer.status_code == 200
    told = answer.json()
    assert (told["received"], told["accepted"]) == (4, 1)
    assert [one["index"] for one in told["rejected"]] == [0, 1, 2]
    assert [one["reason"] for one in told["rejected"]] == [
        "no JSON object", "event_id is missing", "occurred_at is absurd",
    ]  # fmt: skip
    assert [reason for reason, _ in dead(lake)] == sorted(one["reason"] for one in told["rejected"])
    assert client.post(PATH, content=b"{").status_code == 400
    assert client.post(PATH, json=[]).json()["received"] == 0


@pytest.mark.parametrize(
    ("path", "key"),
    [(PATH, "another-key-0123456789"), (PATH, ""), ("/v1/events/village", API_KEY)],
)
def test_who_has_no_key_may_not_send(client: TestClient, lake: Lake, path: str, key: str) -> None:
    answer = client.post(path, json=EVENT, headers={"X-API-Key": key})
    assert answer.status_code == 401
    assert API_KEY not in answer.text
    assert events(lake) == dead(lake) == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"[" + b" " * 200_000 + b"]", {}, 413),
        (gzip.compress(b" " * 10_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400),
        (b"{}", {"Content-Encoding": "br"}, 415),
    ],
    ids=["large", "bomb", "no gzip", "brotli"],
)
def test_a_body_that_cannot_be_taken_is_refused(
    client: TestClient, lake: Lake, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.post(PATH, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert events(lake) == dead(lake) == []


def test_while_too_much_waits_senders_are_told_to_come_again(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, landing = threading.Event(), threading.Event()

    def slowly(self: Lander, messages: Any) -> list[None]:
        landing.set()
        going_on.wait(30)
        return [None for _ in messages]

    monkeypatch.setattr(Lander, "land", slowly)
    chosen = context.settings.stream.model_copy(update={"waiting_mb": 0.0005, "linger_s": 0})
    narrow = Context(
        context.settings.model_copy(update={"stream": chosen}), context.lake, context.clock
    )
    sources = list(load_sources(narrow.settings).values())
    with TestClient(endpoint(narrow, sources).application()) as client:
        client.headers["X-API-Key"] = API_KEY
        first = threading.Thread(target=client.post, args=(PATH,), kwargs={"json": EVENT})
        first.start()
        assert landing.wait(30)
        others = [client.post(PATH, json=EVENT | {"x": "y" * 2000})]
        going_on.set()
        first.join()
        assert [one.status_code for one in others] == [429]
        assert others[0].headers["Retry-After"]
        assert client.post(PATH, json=EVENT).status_code == 200


def test_nothing_is_answered_for_while_the_lake_is_gone(client: TestClient, lake: Lake) -> None:
    moved = Path(lake.root).with_name("moved")
    shutil.move(lake.root, moved)
    answer = client.post(PATH, json=EVENT)
    assert answer.status_code == 503
    assert "takes nothing at present" in answer.json()["error"]
    assert "no longer there" in client.get("/health").json()["trouble"]
    assert client.get("/health").status_code == 503
    shutil.move(moved, lake.root)
    assert client.post(PATH, json=EVENT).status_code == 200
    assert client.get("/health").json() == {"waiting": 0, "trouble": None}
    assert events(lake) == ["1"]


def test_without_a_key_or_its_value_it_does_not_start(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = list(load_sources(context.settings).values())
    monkeypatch.delenv("MOBILAKE_SECRET_DEVICES")
    with pytest.raises(MobilakeError, match="MOBILAKE_SECRET_DEVICES"):
        endpoint(context, sources)
    nobody = Context(
        context.settings.model_copy(update={"stream": Stream()}), context.lake, context.clock
    )
    with pytest.raises(MobilakeError, match="senders"):
        endpoint(nobody, sources)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
sendings = st.lists(
    values | st.dictionaries(st.sampled_from(sorted(EVENT)), values).map(lambda odd: EVENT | odd),
    max_size=8,
)


@given(sent=sendings)
@trying(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_accepted_and_dead_are_all_that_was_received(
    client: TestClient, lake: Lake, sent: list[Any]
) -> None:
    before = len(events(lake)), len(dead(lake))
    told = client.post(PATH, json=sent).json()
    after = len(events(lake)), len(dead(lake))
    assert told["received"] == len(sent)
    assert after[0] - before[0] == told["accepted"]
    assert after[1] - before[1] == len(told["rejected"]) == len(sent) - told["accepted"]


DEEP = b'{"event_id": "9", "a": ' + b"[" * 300 + b"]" * 300 + b"}"


def test_what_is_nested_too_deeply_is_rejected_and_the_rest_lands(
    client: TestClient, lake: Lake
) -> None:
    lines = b"\n".join([json.dumps(EVENT).encode(), DEEP])
    told = client.post(PATH, content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert told.json()["accepted"] == 1
    assert told.json()["rejected"][0]["index"] == 1
    assert client.post(PATH, content=b"[" + DEEP + b"]").status_code == 400
    assert events(lake) == ["1"]


def test_more_messages_than_a_commit_takes_are_refused(context: Context, lake: Lake) -> None:
    stream = context.settings.stream.model_copy(update={"commit_messages": 3})
    few = Context(context.settings.model_copy(update={"stream": stream}), lake, context.clock)
    sources = list(load_sources(few.settings).values())
    application = endpoint(few, sources).application()
    with TestClient(application, headers={"X-API-Key": API_KEY}) as client:
        assert client.post(PATH, json=[EVENT] * 3).status_code == 200
        assert client.post(PATH, json=[0] * 4).status_code == 413
        lines = {"Content-Type": "application/x-ndjson"}
        assert client.post(PATH, content=b"0\n" * 4, headers=lines).status_code == 413


def test_an_id_that_holds_a_vehicles_is_replaced_as_a_whole(
    client: TestClient, lake: Lake, settings: Settings
) -> None:
    told = {**EVENT, "event_id": "PLANTED-1/7", "device_id": "1", "device_kind": "vehicle"}
    client.post(PATH, json=told)
    assert events(lake) == [pseudonym("PLANTED-1/7", pseudonym_key(settings.home))]
