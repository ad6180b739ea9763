"""Recorded GBFS: which lines are taken, how often it was polled, whose time zone counts."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ingestion.dead_letters import Rejected
from ingestion.lake import rows_of
from ingestion.source import Context
from ingestion.sources.gbfs.feeds import FEEDS
from ingestion.sources.gbfs.history import (
    check_feed,
    feeds_of,
    settle_system,
    timezone_of,
    typical_interval_s,
)
from ingestion.sources.gbfs.recording import Recording
from ingestion.sources.gbfs.registry import System, register, systems
from ingestion.sources.gbfs.tables import GBFS_FETCH
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture
def recording(key: Secret) -> Recording:
    return Recording("sys", "station_status", 60, key)


def line(fetched_at: object = "2026-01-05T10:00:00Z", body: object = "{}") -> bytes:
    return json.dumps({"fetched_at": fetched_at, "body": body}).encode()


@pytest.mark.parametrize(
    ("body", "served", "error"),
    [
        ('{ "a": 1}', b'{ "a": 1}', None),
        ({"a": 1}, b'{"a":1}', None),
        ("no JSON \u00e9", "no JSON \u00e9".encode(), None),
        ("", b"", "empty_body"),
        (None, b"", "empty_body"),
    ],
    ids=["text", "document", "no JSON", "empty", "null"],
)
def test_a_line_is_an_attempt(
    recording: Recording, body: object, served: bytes, error: str | None
) -> None:
    row = recording.read_line(line(body=body), "a.jsonl", 1)
    assert (row["system_id"], row["feed"], row["fetched_at"]) == ("sys", "station_status", AT)
    assert (row["body"], row["error"]) == (served.decode(), error)
    assert (row["sha256"], row["body_bytes"]) == (sha256(served).hexdigest(), len(served))
    assert (row["origin"], row["expected_interval_s"]) == ("import:a.jsonl", 60)


def attempt(**members: object) -> bytes:
    return json.dumps({"fetched_at": "2026-01-05T10:00:00Z", **members}).encode()


HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"body": "{}", "http_status": 200}, {"http_status": 200, "error": None}),
        ({"body": "sorry", "http_status": 503}, {"body": "sorry", "error": "http_503"}),
        ({"body": "", "http_status": 404}, {"body": "", "error": "http_404"}),
        ({"body": None, "http_status": 500}, {"body": "", "error": "http_500"}),
        ({"body": "", "http_status": 200}, {"error": "empty_body"}),
        (
            {"body": None, "http_status": 304, "sha256": HASH},
            {"http_status": 304, "sha256": HASH, "body": None, "body_bytes": None, "error": None},
        ),
        ({"body": "", "http_status": 304}, {"sha256": None, "body": None, "error": None}),
        (
            {"body": "{}", "url": "https://u:p@a.org/x?token=s3cret", "etag": '"x"'},
            {"url": "https://a.org/x?token=****", "etag": '"x"', "http_status": None},
        ),
        ({"body": "{}", "sha256": 5}, {"error": None}),
    ],
    ids=["ok", "error page", "empty page", "no page", "empty", "304", "bare 304", "url", "other"],
)
def test_a_line_may_say_how_it_was_answered(
    recording: Recording, members: dict[str, object], expected: dict[str, object]
) -> None:
    row = recording.read_line(attempt(**members), "a", 1)
    assert {name: row.get(name) for name in expected} == expected


def test_a_line_that_says_more_of_the_same_attempt_has_the_same_name(recording: Recording) -> None:
    """The name is the one that lines had before they could say more."""
    lines = [
        attempt(body="{}"),
        attempt(body="{}", http_status=200, url="https://a.org", etag='"x"'),
        attempt(body="{}", http_status=503),
    ]
    names = {recording.read_line(one, "a", 1)["fetch_id"] for one in lines}
    assert names == {"20260105T100000.000000Z-a697a1b99611b19f"}
    hash_of_body = sha256(b"{}").hexdigest()
    same = recording.read_line(attempt(body=None, http_status=304, sha256=hash_of_body), "a", 1)
    assert same["fetch_id"] not in names


def test_an_error_page_of_a_vehicle_feed_is_an_attempt_without_its_text(key: Secret) -> None:
    vehicles = Recording("sys", "vehicle_status", 60, key)
    row = vehicles.read_line(attempt(body="<p>bike-1", http_status=502), "a", 1)
    assert (row["body"], row["error"], row["body_bytes"]) == (None, "http_502", 9)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"http_status": "503"}, "http_status is no status of HTTP"),
        ({"http_status": True}, "http_status is no status of HTTP"),
        ({"http_status": 99}, "http_status is no status of HTTP"),
        ({"http_status": 503.0}, "http_status is no status of HTTP"),
        ({"http_status": 304}, "an answer of 304 has no body"),
        ({"http_status": 304, "body": None, "sha256": "abc"}, "sha256 is no hash in hexadecimal"),
        ({"url": 5}, "url is no text"),
        ({"etag": []}, "etag is no text"),
    ],
)
def test_an_answer_that_cannot_be_is_rejected(
    recording: Recording, members: dict[str, object], reason: str
) -> None:
    with pytest.raises(Rejected) as rejected:
        recording.read_line(attempt(**({"body": "{}"} | members)), "a", 1)
    assert rejected.value.reason == reason


def test_the_same_attempt_has_one_name_in_any_zone(recording: Recording) -> None:
    names = {
        recording.read_line(line(at), "a", 1)["fetch_id"]
        for at in ("2026-01-05T10:00:00Z", "2026-01-05T11:00:00+01:00", "2026-01-05T10:00:00.000Z")
    }
    assert len(names) == 1


NOT_JSON = "not JSON"
NOT_OF_THE_FORM = 'not of the form {"fetched_at", "body"}'
NO_TIME = "fetched_at is no time with a zone"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"fetched_at": ', NOT_JSON),
        (b"\xff\xfe", NOT_JSON),
        (b'"text"', NOT_OF_THE_FORM),
        (b"[1]", NOT_OF_THE_FORM),
        (b"null", NOT_OF_THE_FORM),
        (b'{"fetched_at": "2026-01-05T10:00:00Z"}', NOT_OF_THE_FORM),
        (b'{"body": "{}"}', NOT_OF_THE_FORM),
        (line(body=5), NOT_OF_THE_FORM),
        (line(body=True), NOT_OF_THE_FORM),
        (line("yesterday"), NO_TIME),
        (line(1767607200), NO_TIME),
        (line(None), NO_TIME),
        (line("2026-01-05T10:00:00"), NO_TIME),
        (line("0001-01-01T00:00:00+14:00"), NO_TIME),
        (line("9999-12-31T23:59:59-14:00"), NO_TIME),
    ],
)
def test_a_line_that_is_no_attempt_is_rejected(
    recording: Recording, bad: bytes, reason: str
) -> None:
    with pytest.raises(Rejected) as rejected:
        recording.read_line(bad, "a", 1)
    assert rejected.value.reason == reason
    assert rejected.value.kept.text == bad.decode("utf-8", "backslashreplace")


def test_a_personal_body_that_is_not_json_is_rejected(key: Secret) -> None:
    with pytest.raises(Rejected, match="body of a personal feed is not JSON") as rejected:
        Recording("sys", "vehicle_status", 60, key).read_line(line(body="<html>"), "a", 1)
    assert rejected.value.kept.text is None


def cut_gzip(content: bytes) -> bytes:
    return gzip.compress(content)[:-4]


@pytest.mark.parametrize("stored", [bytes, gzip.compress, cut_gzip])
@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], None),
        ([0], None),
        ([0, 0], None),
        ([0, 61, 119, 181, 900], 60),
        ([120, 0, 60], 60),
        ([0, 1, 2], 10),
        ([0, 299, 601], 300),
    ],
)
def test_the_interval_is_the_usual_distance(
    tmp_path: Path, seconds: list[int], expected: int | None, stored: Callable[[bytes], bytes]
) -> None:
    lines = [line((AT + timedelta(seconds=step)).isoformat()) for step in seconds]
    file = tmp_path / "recorded"
    file.write_bytes(stored(b"\n".join([b"nonsense", *lines, b""])))
    assert typical_interval_s([file]) == expected


def land_information(context: Context, fetched_at: datetime, body: str) -> None:
    row = {"fetch_id": body, "system_id": "sys", "feed": "system_information", "origin": "poll"}
    context.lake.append(
        GBFS_FETCH, rows_of(GBFS_FETCH, [row | {"fetched_at": fetched_at, "body": body}])
    )


def test_the_option_wins_and_is_registered(context: Context, clock: Any) -> None:
    assert settle_system(context, "sys", "Europe/Oslo", 30) == System(
        "sys", None, "Europe/Oslo", 30
    )
    clock.put_on(seconds=1)
    changed = settle_system(context, "sys", "Europe/Lisbon", None)
    assert systems(context.lake) == {"sys": changed}
    assert (changed.timezone, changed.poll_interval_s) == ("Europe/Lisbon", 30)


def test_the_registration_is_kept(context: Context) -> None:
    known = System("sys", "https://a.org/gbfs.json", "Europe/Oslo", 45)
    register(context.lake, known, AT)
    land_information(context, AT, '{"data": {"timezone": "Europe/Lisbon"}}')
    assert settle_system(context, "sys", None, 300) == known


def test_the_own_feed_tells_the_zone_the_latest_that_does(context: Context) -> None:
    land_information(context, AT + timedelta(hours=2), '{"data": {"timezone": null}}')
    land_information(context, AT + timedelta(hours=1), '{"data": {"timezone": "Europe/Oslo"}}')
    land_information(context, AT, '{"data": {"timezone": "Europe/Lisbon"}}')
    assert settle_system(context, "sys", None, None).timezone == "Europe/Oslo"


def test_without_a_zone_the_sentence_says_the_mend(context: Context) -> None:
    with pytest.raises(MobilakeError, match=r"^The time zone of sys is not known: add --timezone"):
        settle_system(context, "sys", None, None)
    assert systems(context.lake) == {}


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", '{"data": 5}', '{"data": {"timezone": 5}}', '{"data": null}']
)
def test_a_document_without_a_zone_tells_none(body: str) -> None:
    assert timezone_of(body) is None


def test_feeds_that_gbfs_does_not_define_are_refused() -> None:
    for feed in ("gbfs", *FEEDS):
        check_feed(feed)
    with pytest.raises(MobilakeError, match=r"^'stations' is no feed of GBFS: it is one of"):
        check_feed("stations")


def test_the_pace_of_files_with_a_line_each_is_told_by_all_of_them(tmp_path):
    files = []
    for day in (1, 2, 3):
        file = tmp_path / f"vehicle_types-2026-01-0{day}.jsonl"
        file.write_bytes(b'{"fetched_at":"2026-01-0%dT00:00:00Z","body":"{}"}\n' % day)
        files.append(file)
    assert typical_interval_s(files) == 86_400


def test_the_feed_is_told_by_the_names_of_files(tmp_path):
    names = ["station_status-2026.jsonl", "station_status_b.jsonl.gz", "system_information.jsonl"]
    files = [tmp_path / name for name in names]
    for file in files:
        file.touch()
    assert list(feeds_of(files, None)) == ["system_information", "station_status"]
    assert feeds_of(files, "vehicle_types") == {"vehicle_types": files}
    other = tmp_path / "stations.jsonl"
    other.touch()
    with pytest.raises(MobilakeError, match="say which it is with --feed"):
        feeds_of([other], None)
