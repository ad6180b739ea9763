"""The documents are GBFS 1.1, 2.3 and 3.0, and say what the city's state is."""

import json
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from simulator import City
from simulator.feeds import Feeds
from simulator.gbfs import DIALECTS, feeds_of
from simulator.geography import NEIGHBOURHOODS, spot_of
from simulator.moments import iso, to_seconds
from simulator.states import ScooterStates, StationStates

NOON = to_seconds(datetime(2026, 1, 6, 12, tzinfo=UTC))
BASE_URL = "http://127.0.0.1:8000/"
EVERY_FEED = [
    (version, feed) for version, dialect in DIALECTS.items() for feed in ("gbfs", *dialect.feeds)
]


def document(feeds: Feeds, feed: str, at: int = NOON) -> dict[str, Any]:
    answer = feeds.answer(feed, at, BASE_URL)
    assert answer is not None
    found = json.loads(answer.body)
    assert isinstance(found, dict)
    return found


@pytest.mark.real_data
@pytest.mark.parametrize(("version", "feed"), EVERY_FEED)
def test_documents_are_valid_against_the_official_schemas(
    city: City, version: str, feed: str, real_data: Path
) -> None:
    path = real_data / "gbfs_json_schema" / f"v{version}" / f"{feed}.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    check = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    for at in (NOON, NOON + 100_000):
        assert [
            error.message
            for error in check.iter_errors(document(Feeds(city, (), version), feed, at))
        ] == []


@pytest.mark.parametrize("version", DIALECTS)
def test_every_version_lists_its_feeds(city: City, version: str) -> None:
    data = document(Feeds(city, (), version), "gbfs")["data"]
    listed = data["feeds"] if version == "3.0" else data["en"]["feeds"]
    assert tuple(feed["name"] for feed in listed) == DIALECTS[version].feeds
    assert all(f"/gbfs/{version}/" in feed["url"] for feed in listed)


def test_a_city_without_scooters_has_no_hubs_and_no_feeds_of_them() -> None:
    city = City(seed=3, started_on=date(2026, 1, 5), stations=4, scooters=0)
    feeds = Feeds(city)
    assert set(DIALECTS["2.3"].feeds) - set(feeds.names) == {"free_bike_status", "geofencing_zones"}
    assert feeds.answer("free_bike_status", NOON) is None
    for feed in ("station_information", "station_status"):
        assert len(document(feeds, feed)["data"]["stations"]) == 4
    assert len(document(feeds, "vehicle_types")["data"]["vehicle_types"]) == 2


def test_every_station_adds_up_to_its_capacity(city: City) -> None:
    feeds, states = Feeds(city), StationStates(city)
    for at in range(NOON, NOON + 3_600, 60):
        states.move_to(at)
        rows = document(feeds, "station_status", at)["data"]["stations"][: len(city.stations)]
        for place, counts, row in zip(city.stations, states.counts.tolist(), rows, strict=True):
            classic, electric = (kind["count"] for kind in row["vehicle_types_available"])
            assert row["station_id"] == place.station_id
            assert [classic, electric, row["num_bikes_disabled"]] == counts
            assert row["num_bikes_available"] == classic + electric
            assert row["num_ebikes_available"] == electric
            assert place.capacity == (
                row["num_bikes_available"] + row["num_bikes_disabled"] + row["num_docks_available"]
            )


def test_versions_tell_of_the_same_stations(city: City) -> None:
    old, usual, new = (
        document(Feeds(city, (), version), "station_status")["data"]["stations"]
        for version in DIALECTS
    )
    assert len(old) == len(city.stations)
    assert len(usual) == len(new) == len(city.stations) + 2
    for one, other, third in zip(old, usual, new, strict=False):
        assert one == {
            field: int(value) if isinstance(value, bool) else value
            for field, value in other.items()
            if field != "vehicle_types_available"
        }
        assert third["num_vehicles_available"] == other["num_bikes_available"]
        assert third["num_vehicles_disabled"] == other["num_bikes_disabled"]
        assert third["last_reported"] == iso(other["last_reported"])
        assert third["vehicle_types_available"] == other["vehicle_types_available"]
        assert "num_ebikes_available" not in third


def test_hubs_are_virtual_stations_and_count_what_can_be_taken(city: City) -> None:
    feeds, states = Feeds(city), ScooterStates(city)
    places = document(feeds, "station_information")["data"]["stations"][-2:]
    assert [place["station_id"] for place in places] == [hub.station_id for hub in city.hubs]
    assert all(place["is_virtual_station"] and "capacity" not in place for place in places)
    for at in range(NOON, NOON + 20_000, 300):
        states.move_to(at)
        rows = document(feeds, "station_status", at)["data"]["stations"][-2:]
        bikes = document(feeds, "free_bike_status", at)["data"]["bikes"]
        for row in rows:
            here = [bike for bike in bikes if bike.get("station_id") == row["station_id"]]
            ready = [bike for bike in here if not bike["is_reserved"] and not bike["is_disabled"]]
            assert row["num_bikes_available"] == len(ready)
            assert row["num_bikes_disabled"] == sum(bike["is_disabled"] for bike in here)
            assert row["vehicle_types_available"][0]["count"] == len(ready)
            assert "num_docks_available" not in row


@pytest.mark.parametrize("version", DIALECTS)
def test_the_vehicle_feed_shows_all_scooters_that_stand(city: City, version: str) -> None:
    dialect = DIALECTS[version]
    feeds, states = Feeds(city, (), version), ScooterStates(city)
    for at in range(NOON, NOON + 7_200, 300):
        states.move_to(at)
        rows = document(feeds, dialect.vehicle_feed, at)["data"][
            str(dialect.items(dialect.vehicle_feed))
        ]
        standing = {state.vehicle_id: state for state in states.states if not state.is_ridden}
        assert {row[dialect.vehicle_id] for row in rows} == set(standing)
        for row in rows:
            state = standing[row[dialect.vehicle_id]]
            assert bool(row["is_disabled"]) == state.is_disabled
            assert bool(row["is_reserved"]) == state.is_reserved
            assert city.area.service.contains(spot_of(row["lat"], row["lon"]))
            if version != "1.1":
                assert row["current_fuel_percent"] == state.charge
                assert row["current_range_meters"] <= 30_000


def test_every_station_is_in_a_region(city: City) -> None:
    feeds = Feeds(city)
    regions = {row["region_id"] for row in document(feeds, "system_regions")["data"]["regions"]}
    assert len(regions) == len(NEIGHBOURHOODS)
    for row in document(feeds, "station_information")["data"]["stations"]:
        assert row["region_id"] in regions


def test_the_service_area_holds_all_stations_and_has_a_zone_without_parking(city: City) -> None:
    zones = document(Feeds(city), "geofencing_zones")["data"]["geofencing_zones"]["features"]
    no_parking, service = (zone["geometry"]["coordinates"][0][0] for zone in zones)
    assert len(service) == 21
    assert service[0] == service[-1]
    assert no_parking[0] == no_parking[-1]
    assert [zone["properties"]["rules"][0]["ride_allowed"] for zone in zones] == [False, True]
    for ring in (no_parking, service):  # counterclockwise, as GeoJSON wants it
        assert sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring)) > 0
    large = City(7, date(2026, 1, 5), 200)
    for station in large.stations:
        assert large.area.service.contains(spot_of(station.lat, station.lon))


def test_plans_and_types_fit_together(city: City) -> None:
    feeds = Feeds(city)
    plans = {row["plan_id"] for row in document(feeds, "system_pricing_plans")["data"]["plans"]}
    types = document(feeds, "vehicle_types")["data"]["vehicle_types"]
    bikes = document(feeds, "free_bike_status")["data"]["bikes"]
    assert {row["default_pricing_plan_id"] for row in types} <= plans
    assert {row["pricing_plan_id"] for row in bikes} <= plans
    assert {row["vehicle_type_id"] for row in bikes} == {"scooter"}


def test_the_alert_of_the_week_is_for_its_saturday(city: City) -> None:
    (alert,) = document(Feeds(city), "system_alerts")["data"]["alerts"]
    assert alert["alert_id"] == "market-2026-01-05"
    assert datetime.fromtimestamp(alert["times"][0]["start"], UTC).date() == date(2026, 1, 10)


def test_feeds_are_published_on_the_minute(city: City) -> None:
    feeds = Feeds(city)
    first, late, next_one = (
        feeds.answer("station_status", NOON + second) for second in (0, 59, 60)
    )
    assert first == late
    assert next_one is not None
    assert json.loads(next_one.body)["last_updated"] == NOON + 60


@pytest.mark.parametrize("feed", ["station_status", "free_bike_status"])
def test_the_text_does_not_depend_on_what_was_asked_before(city: City, feed: str) -> None:
    wanderer = Feeds(city)
    for at in (NOON, NOON + 86_400, NOON - 7_200, NOON):
        assert wanderer.answer(feed, at) == Feeds(city).answer(feed, at)


@pytest.mark.parametrize("version", DIALECTS)
def test_the_city_is_port_aurora_in_every_version(city: City, version: str) -> None:
    found = document(Feeds(city, (), version), "system_information")
    assert found["version"] == version
    assert found["data"]["system_id"] == "port_aurora"
    assert found["data"]["timezone"] == "Europe/Lisbon"
    assert date.fromisoformat(found["data"]["start_date"]) == city.started_on


def test_a_feed_of_another_version_has_no_answer(city: City) -> None:
    assert Feeds(city).answer("vehicle_status", NOON) is None
    assert Feeds(city, (), "1.1").answer("vehicle_types", NOON) is None
    assert "vehicle_status" in feeds_of(DIALECTS["3.0"], city)
