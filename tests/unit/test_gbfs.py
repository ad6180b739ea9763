"""GBFS: what an index lists, what a poll records, who is registered, what stays private."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.dead_letters import DEAD_LETTER
from ingestion.lake import Lake
from ingestion.pipeline import ingest
from ingestion.privacy import RESTRICTED, pseudonym, unseal
from ingestion.source import Context
from ingestion.sources.gbfs import SOURCE
from ingestion.sources.gbfs.feeds import listed_feeds
from ingestion.sources.gbfs.history import import_files
from ingestion.sources.gbfs.poll import Poller
from ingestion.sources.gbfs.recording import Recording
from ingestion.sources.gbfs.registry import System, register, systems
from ingestion.sources.gbfs.tables import GBFS_FETCH, fetch_id
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret, pseudonym_key
from mobilake.settings import Http

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LOCAL = Http(timeout_s=5, private_hosts=("127.0.0.1",))
MARK = "PLANTED"


def feeds(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "url": f"https://a.org/{name}"} for name in names]


STATUS = {"station_status": "https://a.org/station_status"}
AT_THE_SAME = {"url": STATUS["station_status"]}
OWN = "https://a.org/gbfs.json"


@pytest.mark.parametrize(
    "data",
    [
        {"en": {"feeds": feeds("station_status")}},
        {"feeds": feeds("station_status")},
        {"nb": {"feeds": feeds("gbfs", "station_status")}, "en": {"feeds": feeds("unknown")}},
        {"feeds": [*feeds("station_status"), {"name": "station_status", "url": "https://b.org"}]},
        {"ttl": 5, "en": {"feeds": [1, None, {"name": ["x"]}, *feeds("station_status")]}},
        {"en": {"feeds": 5}, "fr": {"feeds": feeds("station_status")}},
        {"feeds": [*feeds("station_status") * 500, *feeds(*map(str, range(1000)))]},
        {"feeds": [*feeds("station_status"), {"name": "vehicle_status", **AT_THE_SAME}]},
        {"feeds": [{"name": "vehicle_status", "url": OWN}, *feeds("gbfs", "station_status")]},
    ],
    ids=[
        "2.x", "3.x", "other feeds", "twice", "broken entries", "a broken language",
        "a thousand feeds", "an address twice", "itself",
    ],
)  # fmt: skip
def test_an_index_of_any_version_lists_its_feeds(data: object) -> None:
    assert listed_feeds({"data": data}, own_url=OWN) == STATUS


def test_of_languages_the_one_asked_for_comes_first() -> None:
    data = {name: {"feeds": [{"name": "system_information", "url": name}]} for name in ("en", "fr")}
    assert listed_feeds({"data": data}) == {"system_information": "en"}
    assert listed_feeds({"data": data}, "fr") == {"system_information": "fr"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "en", "feeds", "name", "url"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@given(index=json_values)
def test_no_document_is_too_strange_for_an_index(index: object) -> None:
    assert listed_feeds(index) == {}


def poll(*polled: System, limits: Http = LOCAL, key: Secret) -> tuple[list[Any], list[Any]]:
    return Poller(limits, lambda: datetime.now(UTC), key, Path("none")).poll(list(polled))


def index_of(web: Any, **bodies: bytes) -> str:
    """Serve feeds and the index that lists them; return the index's address."""
    listed = [{"name": name, "url": web.put(f"/{name}", body)} for name, body in bodies.items()]
    return str(web.put("/gbfs.json", {"data": {"feeds": listed}}))


def test_a_poll_is_one_row_for_each_attempt(web: Any, key: Secret) -> None:
    url = index_of(web, station_status=b'{"a": 1}', system_information=b"{", vehicle_types=b"")
    web.put("/vehicle_types", b"gone", status=404)
    rows, restricted = poll(System("sys", url, "UTC", 30), key=key)
    found = {row["feed"]: row for row in rows}
    assert len(rows) == len(found) == 4
    assert not restricted
    assert found["station_status"]["body"] == '{"a": 1}'
    assert found["station_status"]["sha256"] == sha256(b'{"a": 1}').hexdigest()
    assert found["system_information"]["error"] is None
    gone = found["vehicle_types"]
    assert (gone["http_status"], gone["error"], gone["body"]) == (404, "http_404", "gone")
    assert {row["system_id"] for row in rows} == {"sys"}
    paces = {name: row["expected_interval_s"] for name, row in found.items()}
    assert paces.pop("station_status") == 30
    assert set(paces.values()) == {3600}, "those that seldom change are not expected so often"
    assert len({row["fetch_id"] for row in rows}) == 4


@pytest.mark.parametrize(
    ("served", "error"),
    [(b"", "empty_body"), (b" \n", "empty_body"), (b"\xe9", "not_utf8"), (b"no JSON", None)],
)
def test_an_index_that_lists_nothing_is_one_row(
    web: Any, key: Secret, served: bytes, error: str | None
) -> None:
    rows, _ = poll(System("sys", web.put("/gbfs.json", served), "UTC"), key=key)
    assert [(row["feed"], row["error"], row["http_status"]) for row in rows] == [
        ("gbfs", error, 200)
    ]


def test_a_slow_or_lost_system_leaves_the_others_alone(web: Any, key: Secret) -> None:
    limits = Http(timeout_s=0.6, private_hosts=("127.0.0.1",))
    quick = System("quick", index_of(web, station_status=b"{}"), "UTC")
    others = [
        System("slow", web.hang("/slow"), "UTC"),
        System("lost", "http://nobody.invalid/", "UTC"),
        System("odd", "http://127.0.0.1:99999/", "UTC"),
        System("broken", web.put("/broken", {"data": {"en": {"feeds": 5}}}), "UTC"),
    ]
    rows, _ = poll(quick, *others, limits=limits, key=key)
    outcome = {(row["system_id"], row["feed"]): row["error"] for row in rows}
    assert outcome == {
        ("quick", "gbfs"): None,
        ("quick", "station_status"): None,
        ("slow", "gbfs"): "timeout",
        ("lost", "gbfs"): "connection",
        ("odd", "gbfs"): "bad_url",
        ("broken", "gbfs"): None,
    }
    moments = {(row["system_id"], row["feed"]): row["fetched_at"] for row in rows}
    assert moments["quick", "station_status"] < moments["slow", "gbfs"]


def test_names_of_attempts_sort_by_time() -> None:
    moments = [NOW + timedelta(seconds=step) for step in (0, 0.5, 1, 86400)]
    names = [fetch_id("sys", "station_status", moment, None) for moment in moments]
    assert names == sorted(names)
    assert fetch_id("sys", "b", NOW, "x") != fetch_id("sys", "a", NOW, "x")


def test_the_latest_registration_counts(lake: Lake) -> None:
    assert systems(lake) == {}
    changed = System("sys", "https://b.org/gbfs.json", "Europe/Oslo", 30)
    register(lake, changed, NOW + timedelta(hours=1))
    register(lake, System("sys", "https://a.org/gbfs.json", "Europe/Oslo"), NOW)
    register(lake, System("other", None, "UTC"), NOW)
    assert systems(lake) == {"sys": changed, "other": System("other", None, "UTC", 60)}


@pytest.mark.parametrize("system_id", ["", "a b", "../a", "-a", "a" * 101, "é", "a'b", "a\n"])
def test_an_id_that_could_be_no_file_name_is_refused(lake: Lake, system_id: str) -> None:
    with pytest.raises(MobilakeError, match=r"cannot be a system's id: use letters"):
        register(lake, System(system_id, None, "UTC"), NOW)


@pytest.mark.parametrize("zone", ["", "Europe", "Mars/Base", "../etc/passwd", "None"])
def test_a_zone_that_is_none_is_refused(lake: Lake, zone: str) -> None:
    with pytest.raises(MobilakeError, match="is no IANA time zone: write one such as"):
        register(lake, System("sys", None, zone), NOW)


def test_nobody_registered_is_one_sentence(context: Context) -> None:
    with pytest.raises(MobilakeError, match=r"^No system is registered yet: `mobilake systems add"):
        SOURCE.pull(context)
    register(context.lake, System("recorded", None, "UTC"), NOW)
    assert SOURCE.pull(context) == []


def vehicles(mark: str) -> dict[str, Any]:
    links = {"web": f"https://a.org/{mark}"}
    return {"data": {"bikes": [{"bike_id": mark, "rental_uris": links, "lat": 59.9}]}}


def everything(folder: Path) -> bytes:
    """All bytes of all files, those of Parquet files also as their rows."""
    found = [file for file in folder.rglob("*") if file.is_file()]
    rows = [pq.read_table(file).to_pylist() for file in found if file.suffix == ".parquet"]
    return b"".join(file.read_bytes() for file in found) + repr(rows).encode()


def test_no_identifier_lands_readable(context: Context, web: Any, tmp_path: Path) -> None:
    at = {"fetched_at": "2026-01-05T10:00:00Z"}
    good = [at | {"body": vehicles(MARK)}, at | {"body": json.dumps(vehicles(MARK))}]
    bad = [
        {"fetched_at": "yesterday", "body": json.dumps(vehicles(MARK))},
        {"fetched_at": "yesterday", "body": vehicles(MARK)},
        at | {"body": f"<html>{MARK}</html>"},
        {"served": json.dumps(vehicles(MARK))},
        f'{{"fetched_at": "2026-01-05T10:00:00Z", "body": {{"bike_id": "{MARK}"',
    ]
    lines = [line if isinstance(line, str) else json.dumps(line) for line in [*good, *bad]]
    (tmp_path / "recorded.jsonl").write_text("\n".join(lines))
    key = pseudonym_key(context.settings.home)
    recording = Recording("sys", "free_bike_status", 60, key)
    counts = import_files(
        context, recording, [tmp_path / "recorded.jsonl"], lambda file: lambda done, total: None
    )
    assert (counts.accepted, counts.known, counts.quarantined) == (2, 0, 5)

    served = json.dumps(vehicles(MARK), indent=2).encode()
    url = index_of(web, vehicle_status=served, free_bike_status=f"<p>{MARK}".encode())
    polled = Context(
        context.settings.model_copy(update={"http": LOCAL}), context.lake, context.clock
    )
    register(context.lake, System("sys", url, "UTC"), NOW)
    assert ingest(polled, SOURCE).rows == {"gbfs_fetch": 3, "restricted": 1}

    assert MARK.encode() not in everything(context.settings.home)
    landed = context.lake.read(GBFS_FETCH, ["feed", "sha256", "body", "error"]).to_pylist()
    of_vehicles = [row for row in landed if row["feed"] == "vehicle_status"]
    assert of_vehicles[0]["sha256"] == sha256(served).hexdigest()
    bikes = json.loads(of_vehicles[0]["body"])["data"]["bikes"]
    assert bikes == [{"bike_id": pseudonym(MARK, key), "lat": 59.9}]
    assert sum(row["error"] == "restricted" for row in landed) == 1
    sealed = context.lake.read(RESTRICTED, ["sealed"]).to_pylist()
    assert len(sealed) == 6
    assert all(MARK in unseal(row["sealed"], key) for row in sealed)
    letters = context.lake.read(DEAD_LETTER, ["payload"]).to_pylist()
    assert letters == [{"payload": None}] * 5


def test_a_document_nested_beyond_reason_is_sealed_and_the_poll_goes_on(
    web: Any, key: Secret
) -> None:
    url = index_of(web, vehicle_status=b"[" * 600 + b"]" * 600, station_status=b"{}")
    rows, restricted = poll(System("sys", url, "UTC"), key=key)
    assert {row["feed"]: row["error"] for row in rows} == {
        "gbfs": None,
        "vehicle_status": "restricted",
        "station_status": None,
    }
    assert len(restricted) == 1
