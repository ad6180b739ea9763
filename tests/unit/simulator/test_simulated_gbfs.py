"""The documents are GBFS 2.3 and say what the city's state is."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from simulator import City
from simulator.city import StationStates
from simulator.feeds import Feeds
from simulator.gbfs import FEEDS
from simulator.moments import to_seconds

NOON = to_seconds(datetime(2026, 1, 6, 12, tzinfo=UTC))
REAL_DATA = Path(os.environ.get("MOBILAKE_REAL_DATA", Path(__file__).parents[3] / "../shared/data"))


@pytest.mark.parametrize("feed", ["gbfs", *FEEDS])
def test_documents_are_valid_against_the_official_schemas(city: City, feed: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    path = REAL_DATA / "gbfs_json_schema" / "v2.3" / f"{feed}.json"
    if not path.exists():
        pytest.skip(f"the official GBFS schemas are not at {path}")
    answer = Feeds(city).answer(feed, NOON, "http://127.0.0.1:8000/")
    assert answer is not None
    jsonschema.validate(json.loads(answer.body), json.loads(path.read_text(encoding="utf-8")))


def test_every_station_adds_up_to_its_capacity(city: City) -> None:
    feeds, states = Feeds(city), StationStates(city)
    for at in range(NOON, NOON + 3_600, 60):
        answer = feeds.answer("station_status", at)
        assert answer is not None
        states.move_to(at)
        rows = json.loads(answer.body)["data"]["stations"]
        for place, counts, row in zip(city.stations, states.counts.tolist(), rows, strict=True):
            classic, electric = (kind["count"] for kind in row["vehicle_types_available"])
            assert row["station_id"] == place.station_id
            assert [classic, electric, row["num_bikes_disabled"]] == counts
            assert row["num_bikes_available"] == classic + electric
            assert place.capacity == (
                row["num_bikes_available"] + row["num_bikes_disabled"] + row["num_docks_available"]
            )


def test_feeds_are_published_on_the_minute(city: City) -> None:
    feeds = Feeds(city)
    first, late, next_one = (
        feeds.answer("station_status", NOON + second) for second in (0, 59, 60)
    )
    assert first == late
    assert next_one is not None
    assert json.loads(next_one.body)["last_updated"] == NOON + 60


def test_the_text_does_not_depend_on_what_was_asked_before(city: City) -> None:
    wanderer = Feeds(city)
    for at in (NOON, NOON + 86_400, NOON - 7_200, NOON):
        assert wanderer.answer("station_status", at) == Feeds(city).answer("station_status", at)


def test_the_city_is_port_aurora(city: City) -> None:
    answer = Feeds(city).answer("system_information", NOON)
    assert answer is not None
    data = json.loads(answer.body)["data"]
    assert data["system_id"] == "port_aurora"
    assert data["timezone"] == "Europe/Lisbon"
    assert date.fromisoformat(data["start_date"]) == city.started_on


def test_an_unknown_feed_has_no_answer(city: City) -> None:
    assert Feeds(city).answer("free_bike_status", NOON) is None
