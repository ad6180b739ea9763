"""Recorded history can be extended, is valid, and agrees with the ledger."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import zstandard

from simulator import City, Fault, FaultKind, default_faults, record
from simulator.faults import MANNERS
from simulator.gbfs import DIALECTS
from simulator.moments import to_seconds

FIRST_DAY = date(2026, 1, 5)
START = datetime(2026, 1, 5, tzinfo=UTC)
INTERVAL_S = 600


def new_city() -> City:
    return City(seed=5, started_on=FIRST_DAY, stations=8)


def lines_of(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8")
        return [orjson.loads(line) for line in text]


def ledger_of(home: Path, table: str) -> list[dict[str, Any]]:
    files = sorted((home / "ledger").glob(f"{table}-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def contents(home: Path) -> dict[str, bytes | list[dict[str, Any]]]:
    history = {file.name: file.read_bytes() for file in (home / "history").iterdir()}
    ledger = {file.name: pq.read_table(file).to_pylist() for file in (home / "ledger").iterdir()}
    return {**history, **ledger}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days and ten hours, recorded at once."""
    home = tmp_path_factory.mktemp("recorded")
    record(new_city(), home, START, START + timedelta(days=2, hours=10), INTERVAL_S)
    return home


def test_history_has_a_file_per_feed_and_day(recorded: Path) -> None:
    polls = {
        file.name.removesuffix(".jsonl.zst"): len(lines_of(file))
        for file in (recorded / "history").glob("*.jsonl.zst")
    }
    assert polls == {
        f"{feed}-2026-01-0{day}": count
        for day, hours in ((5, 24), (6, 24), (7, 10))
        for feed in DIALECTS["2.3"].feeds
        for count in (
            {
                "station_status": hours * 6,
                "free_bike_status": hours * 12,
                "station_information": hours,
            }.get(feed, 1),
        )
    }


def test_lines_hold_documents_as_served(recorded: Path) -> None:
    lines = lines_of(recorded / "history" / "station_status-2026-01-06.jsonl.zst")
    assert lines[60]["fetched_at"] == "2026-01-06T10:00:00Z"
    for line in lines:
        document = json.loads(line["body"])
        assert document["last_updated"] == to_seconds(datetime.fromisoformat(line["fetched_at"]))


def test_extending_equals_recording_at_once(tmp_path: Path) -> None:
    until = START + timedelta(hours=58)
    faults = default_faults(5, START, until)
    for hours in (5, 24, 31, 58):
        end = START + timedelta(hours=hours)
        record(new_city(), tmp_path / "extended", START, end, INTERVAL_S, faults=faults)
    record(new_city(), tmp_path / "at once", START, until, INTERVAL_S, faults=faults)
    assert contents(tmp_path / "extended") == contents(tmp_path / "at once")


def test_only_what_grew_is_written_and_returned(tmp_path: Path) -> None:
    city = new_city()
    record(city, tmp_path, START, START + timedelta(hours=30), INTERVAL_S)
    first_day = tmp_path / "history" / "station_status-2026-01-05.jsonl.zst"
    written_at = first_day.stat().st_mtime_ns
    again = record(city, tmp_path, START, START + timedelta(hours=30), INTERVAL_S)
    later = record(city, tmp_path, START, START + timedelta(hours=50), INTERVAL_S)
    assert again == []
    grown = ("station_information", "station_status", "free_bike_status")
    assert [path.name for path in later] == [
        *(f"{feed}-2026-01-06.jsonl.zst" for feed in grown),
        *(f"{feed}-2026-01-07.jsonl.zst" for feed in DIALECTS["2.3"].feeds),
    ]
    assert first_day.stat().st_mtime_ns == written_at
    assert not [file for file in tmp_path.rglob("*") if file.suffix == ".tmp"]


def test_recording_from_a_later_day_starts_with_that_day(tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    since = START + timedelta(days=1, hours=7)
    record(
        new_city(),
        tmp_path,
        since,
        since + timedelta(hours=20),
        INTERVAL_S,
        progress=lambda day, days: done.append((day, days)),
    )
    lines = lines_of(tmp_path / "history" / "station_status-2026-01-06.jsonl.zst")
    assert lines[0]["fetched_at"] == "2026-01-06T00:00:00Z"
    assert done == [(1, 2), (2, 2)]


def test_ledger_explains_what_the_feed_shows(recorded: Path) -> None:
    lines = [
        line
        for day in (5, 6, 7)
        for line in lines_of(recorded / "history" / f"station_status-2026-01-0{day}.jsonl.zst")
    ]
    trips, moves = ledger_of(recorded, "trips"), ledger_of(recorded, "moves")
    leaves = [(row["started_at"], row["start_station_id"], -1) for row in trips]
    leaves += [(row["picked_up_at"], row["from_station_id"], -row["num_bikes"]) for row in moves]
    comes = [(row["ended_at"], row["end_station_id"], 1) for row in trips]
    comes += [(row["dropped_at"], row["to_station_id"], row["num_bikes"]) for row in moves]
    events = sorted(event for event in leaves + comes if event[0] is not None)
    docked = bikes_docked(lines[0])
    for line in lines[1:]:
        now = datetime.fromisoformat(line["fetched_at"])
        while events and events[0][0] <= now:
            _, station_id, change = events.pop(0)
            docked[station_id] += change
        assert bikes_docked(line) == docked


def test_ledger_knows_nothing_of_the_future(recorded: Path) -> None:
    until = START + timedelta(days=2, hours=10)
    times = [
        value
        for table in (
            "trips",
            "moves",
            "disablements",
            "weather",
            "scooter_trips",
            "scooter_outages",
            "scooter_collections",
        )
        for row in ledger_of(recorded, table)
        for value in row.values()
        if isinstance(value, datetime)
    ]
    assert until - timedelta(hours=1) < max(times) < until
    assert [row for row in ledger_of(recorded, "disablements") if row["repaired_at"] is None]


def test_truth_has_all_its_tables(recorded: Path) -> None:
    assert len(ledger_of(recorded, "weather")) == 58
    assert ledger_of(recorded, "lost_demand")
    for move in ledger_of(recorded, "moves"):
        assert len(move["bike_ids"]) == move["num_bikes"]


def fault(kind: FaultKind, hour: int, minutes: int = 30) -> Fault:
    starts_at, manner = START + timedelta(hours=hour), MANNERS[kind]
    ends_at = starts_at + timedelta(minutes=minutes)
    return Fault(f"fault-{kind}", kind, manner.rule, manner.feed, starts_at, ends_at)


def test_an_error_is_a_line_with_its_status_and_no_answer_is_no_line(tmp_path: Path) -> None:
    faults = [
        fault(FaultKind.EMPTY_BODY, 2),
        fault(FaultKind.HTTP_500, 3),
        fault(FaultKind.TIMEOUT, 4),
        fault(FaultKind.HTTP_404, 5),
        fault(FaultKind.GAP, 7, minutes=120),
    ]
    until = START + timedelta(hours=10)
    record(new_city(), tmp_path, START, until, INTERVAL_S, faults=iter(faults))
    lines = lines_of(tmp_path / "history" / "station_status-2026-01-05.jsonl.zst")
    assert [line["fetched_at"][11:16] for line in lines if not line["body"]] == [
        "02:00", "02:10", "02:20",
    ]  # fmt: skip
    errors = [line for line in lines if "http_status" in line]
    assert [(line["fetched_at"][11:16], line["http_status"]) for line in errors] == [
        ("03:00", 500), ("03:10", 500), ("03:20", 500),
        ("05:00", 404), ("05:10", 404), ("05:20", 404),
    ]  # fmt: skip
    assert errors[0]["body"] == '{"error":500}'
    assert len(lines) == 60 - 3 - 12
    listings = lines_of(tmp_path / "history" / "station_information-2026-01-05.jsonl.zst")
    assert [line["fetched_at"][11:13] for line in listings] == [
        "00", "01", "02", "03", "04", "05", "06", "09",
    ]  # fmt: skip


def test_the_ledger_tells_what_each_fault_strikes_once_it_has_begun(tmp_path: Path) -> None:
    kinds = (FaultKind.NEGATIVE_COUNT, FaultKind.DUPLICATE_STATION, FaultKind.GEOFENCE_BREACH)
    faults = [fault(kind, hour) for hour, kind in enumerate((*kinds, FaultKind.GAP), start=2)]
    faults.append(fault(FaultKind.ZERO_CAPACITY, 20))
    city = new_city()
    record(city, tmp_path, START, START + timedelta(hours=10), INTERVAL_S, faults=faults)
    kept = pq.read_table(tmp_path / "ledger" / "faults.parquet").to_pylist()
    assert [row["fault_id"] for row in kept] == [fault.fault_id for fault in faults]
    assert kept[0]["starts_at"] == START + timedelta(hours=2)
    negative, twice, breach, gap, later = kept
    assert negative["station_ids"][0] in {place.station_id for place in city.stations}
    assert (negative["feed"], negative["expected_rule"]) == ("station_status", "R17")
    assert twice["feeds"] == ["station_information", "station_status"]
    assert breach["scooter_ids"][0].startswith("scooter-")
    assert (gap["station_ids"], "system_regions" in gap["feeds"]) == ([], True)
    assert later["station_ids"] == []
    record(city, tmp_path, START, START + timedelta(hours=21), INTERVAL_S, faults=faults)
    kept = pq.read_table(tmp_path / "ledger" / "faults.parquet").to_pylist()
    assert len(kept[-1]["station_ids"]) == 1


def test_the_ledger_follows_each_scooter_from_id_to_id(recorded: Path) -> None:
    trips, outages = ledger_of(recorded, "scooter_trips"), ledger_of(recorded, "scooter_outages")
    shown: dict[str, set[str]] = {}
    for file in sorted((recorded / "history").glob("free_bike_status-*")):
        for line in lines_of(file):
            rows = json.loads(line["body"])["data"]["bikes"]
            shown[line["fetched_at"]] = {row["bike_id"] for row in rows}
    assert trips
    assert outages[0]["repaired_at"] is None
    for trip in trips:
        for fetched_at, ids in shown.items():
            at = datetime.fromisoformat(fetched_at)
            if trip["ended_at"] and at >= trip["started_at"]:
                assert trip["vehicle_id_before"] not in ids
            if trip["ended_at"] and at < trip["ended_at"]:
                assert trip["vehicle_id_after"] not in ids


@pytest.mark.parametrize("version", ["1.1", "3.0"])
def test_other_versions_are_recorded_beside_the_usual_one(tmp_path: Path, version: str) -> None:
    city = new_city()
    faults = [fault(FaultKind.ID_NOT_ROTATED, 1, minutes=60)]
    until = START + timedelta(hours=2)
    for other in ("2.3", version):
        record(city, tmp_path, START, until, INTERVAL_S, faults=faults, version=other)
    folder = tmp_path / f"history-{version}"
    feeds = {file.name.split("-")[0] for file in folder.glob("*.zst")}
    assert feeds == set(DIALECTS[version].feeds)
    for file in folder.glob("*.zst"):
        assert {json.loads(line["body"])["version"] for line in lines_of(file)} == {version}
    assert len(list((tmp_path / "history").glob("*.zst"))) == len(DIALECTS["2.3"].feeds)


def bikes_docked(line: dict[str, Any]) -> dict[str, int]:
    return {
        row["station_id"]: row["num_bikes_available"] + row["num_bikes_disabled"]
        for row in json.loads(line["body"])["data"]["stations"]
        if "num_docks_available" in row
    }
