"""Device events: each document is a row or has a reason, and no vehicle is named in either."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.dead_letters import DEAD_LETTER
from ingestion.importer import Counts, import_file
from ingestion.lake import rows_of
from ingestion.privacy import RESTRICTED, pseudonym
from ingestion.source import Context
from ingestion.sources.events.event import LONGEST_ATTRIBUTES, event_of, rejected, row_of
from ingestion.sources.events.recording import EventLines
from ingestion.sources.events.tables import DEVICE_EVENT
from mobilake.secrets import Secret

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
KEY = Secret("k" * 40)
DOCK = {
    "event_id": "7",
    "device_kind": "dock",
    "device_id": "PA-001/3",
    "station_id": "PA-001",
    "vehicle_id": "PLANTED-1",
    "event_type": "dock_locked",
    "occurred_at": "2026-01-05T10:00:00Z",
    "received_at": "2026-01-05T11:00:02+01:00",
}
SCOOTER = {
    "event_id": "PLANTED-1:9",
    "device_kind": "vehicle",
    "device_id": "PLANTED-1",
    "event_type": "tilt",
    "occurred_at": "2026-01-05T10:00:00Z",
    "angle": 43,
    "rider": {"email": "PLANTED@example.org", "user_id": "PLANTED", "since": 2},
}


def test_an_event_of_a_dock_has_its_station_and_its_vehicle_as_a_pseudonym() -> None:
    assert event_of(DOCK, KEY, NOW) == {
        "event_id": "7",
        "device_kind": "dock",
        "device_id": "PA-001/3",
        "event_type": "dock_locked",
        "station_ref": "PA-001",
        "vehicle_id": pseudonym("PLANTED-1", KEY),
        "occurred_at": datetime(2026, 1, 5, 10, tzinfo=UTC),
        "received_at": datetime(2026, 1, 5, 10, 0, 2, tzinfo=UTC),
        "attributes": None,
    }


def test_members_that_are_not_known_are_kept_and_nobody_is_named() -> None:
    event = event_of(SCOOTER, KEY, NOW)
    assert isinstance(event, dict)
    vehicle = pseudonym("PLANTED-1", KEY)
    assert (event["event_id"], event["device_id"]) == (pseudonym("PLANTED-1:9", KEY), vehicle)
    assert json.loads(str(event["attributes"])) == {
        "angle": 43,
        "rider": {"user_id": pseudonym("PLANTED", KEY), "since": 2},
    }
    assert "PLANTED" not in str(event)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        *[
            ({name: None}, f"{name} is missing")
            for name in ("event_id", "device_kind", "device_id", "event_type", "occurred_at")
        ],
        ({"device_kind": "tram"}, "device_kind is none of station, dock, vehicle"),
        ({"device_kind": ["dock"]}, "device_kind is none of station, dock, vehicle"),
        ({"event_id": ""}, "event_id is no id"),
        ({"device_id": True}, "device_id is no id"),
        ({"device_id": "a\nb"}, "device_id is no id"),
        ({"station_id": {}}, "station_id is no id"),
        ({"vehicle_id": "x" * 201}, "vehicle_id is no id"),
        ({"occurred_at": 1767607200}, "occurred_at is no time with a zone"),
        ({"occurred_at": "2026-01-05T10:00:00"}, "occurred_at is no time with a zone"),
        ({"occurred_at": "1970-01-01T00:00:00Z"}, "occurred_at is absurd"),
        ({"occurred_at": "2026-01-06T10:00:03Z"}, "occurred_at is absurd"),
        ({"received_at": "soon"}, "received_at is no time with a zone"),
        ({"received_at": "2026-01-06T12:00:01Z"}, "received_at is absurd"),
        ({"note": "x" * LONGEST_ATTRIBUTES}, "its attributes are too long"),
    ],
    ids=str,
)
def test_what_is_no_event_has_a_reason(change: dict[str, Any], reason: str) -> None:
    assert event_of(DOCK | change, KEY, NOW) == reason


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": 7},
        {"event_type": "nobody knows"},
        {"occurred_at": "2026-01-06T10:00:02Z"},  # a clock that is a day ahead
        {"vehicle_id": None},
    ],
    ids=str,
)
def test_what_is_odd_is_an_event(change: dict[str, Any]) -> None:
    assert isinstance(event_of(DOCK | change, KEY, NOW), dict)


def test_who_receives_an_event_knows_better_when_that_was() -> None:
    event = event_of(DOCK | {"received_at": "soon"}, KEY, NOW, NOW - timedelta(minutes=1))
    assert isinstance(event, dict)
    assert event["received_at"] == NOW - timedelta(minutes=1)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from(["dock", "vehicle", "2026-01-05T10:00:00Z", "9999-12-31T23:59:59-14:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)  # fmt: skip


@given(
    document=values
    | st.builds(
        lambda base, change: base | change,
        st.sampled_from([DOCK, SCOOTER]),
        st.dictionaries(st.sampled_from([*DOCK, "note", "bike_id"]), values, max_size=3),
    )
)
@settings(max_examples=300, deadline=None)
def test_any_document_is_an_event_or_has_a_reason(document: Any) -> None:
    line = json.dumps(document).encode()
    event = event_of(document, KEY, NOW)
    if isinstance(event, str):
        kept = rejected(line, document, KEY)
        assert event
        assert (kept.text is None) != (kept.sealed is None)
    else:
        row = row_of(event, "oslo", "import", "a:1")
        assert rows_of(DEVICE_EVENT, [row]).num_rows == 1


@given(name=st.sampled_from([*DOCK]), value=values, base=st.sampled_from([DOCK, SCOOTER]))
@settings(max_examples=100, deadline=None)
def test_whatever_is_wrong_about_a_document_its_vehicles_are_not_named(
    name: str, value: Any, base: dict[str, Any]
) -> None:
    document = base | {name: value}
    event = event_of(document, KEY, NOW)
    kept = rejected(json.dumps(document).encode(), document, KEY)
    if document.get("device_id") == "PLANTED-1" or base is DOCK:
        assert "PLANTED" not in str(event)
        assert "PLANTED" not in str(kept.text)


def test_the_same_delivery_has_the_same_name_and_another_receipt_another() -> None:
    names = [
        row_of(event, "oslo", "import", place)["delivery_id"]
        for place, change in [
            ("a:1", {}),
            ("b:2", {}),
            ("a:3", {"received_at": "2026-01-05T10:09:00Z"}),
        ]
        for event in [event_of(DOCK | change, KEY, NOW)]
        if isinstance(event, dict)
    ]
    assert names[0] == names[1] != names[2]
    assert str(names[0]).startswith("20260105T100002.000000Z-")


def test_lines_are_accepted_known_or_dead(context: Context, tmp_path: Path, key: Secret) -> None:
    file = tmp_path / "events.jsonl"
    good = json.dumps(DOCK)
    dead = json.dumps(SCOOTER | {"event_type": None})
    file.write_text("\n".join([good, good[:-9], good, dead, "[1]"]))
    lines = EventLines("oslo", NOW, key)
    counts = import_file(context, file, lines.target, lines.read_line)
    assert counts == Counts(received=5, accepted=1, known=1, quarantined=3)
    (row,) = context.lake.read(DEVICE_EVENT, ["event_id", "source_position"]).to_pylist()
    assert row == {"event_id": "7", "source_position": "events.jsonl:1"}
    letters = context.lake.read(DEAD_LETTER, ["position", "reason", "payload"]).to_pylist()
    told = sorted((letter["position"], letter["reason"]) for letter in letters)
    assert told == [("2", "not JSON"), ("4", "event_type is missing"), ("5", "no JSON object")]
    assert "PLANTED" not in str(letters)
    assert context.lake.read(RESTRICTED, ["origin"]).num_rows == 2
    again = import_file(context, file, lines.target, lines.read_line)
    assert again == Counts(received=5, known=2, quarantined=3)
