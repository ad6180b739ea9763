"""Each fault shows where it is planned and nowhere else, and strikes what the ledger says."""

import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from simulator import City, Fault, FaultKind
from simulator.faults import MANNERS
from simulator.faults.struck import WHOLE_FEED, struck
from simulator.feeds import Answer, Feeds
from simulator.gbfs import DIALECTS
from simulator.geography import spot_of
from simulator.moments import midnight, to_seconds
from simulator.states import scooters_at

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
DAWN = datetime(2026, 1, 6, 6, tzinfo=UTC)
STATUS, INFORMATION, BIKES = "station_status", "station_information", "free_bike_status"
OF_STATIONS = [
    kind for kind in FaultKind if MANNERS[kind].feed == STATUS and kind not in WHOLE_FEED
]


def fault_of(
    kind: FaultKind, minutes: int = 10, starts_at: datetime = NOON, feed: str | None = None
) -> Fault:
    manner = MANNERS[kind]
    ends_at = starts_at + timedelta(minutes=minutes)
    return Fault(f"f-{kind}", kind, manner.rule, feed or manner.feed, starts_at, ends_at)


def usual(kind: FaultKind) -> Fault:
    """Return a fault that lasts as long as its kind usually does."""
    longest = MANNERS[kind].minutes
    return fault_of(kind, longest[1] if longest else 120, DAWN)


def answers(
    city: City, polls: range, *faults: Fault, feed: str = STATUS, version: str = "2.3"
) -> list[Answer]:
    feeds = Feeds(city, faults, version)
    found = [feeds.answer(feed, at) for at in polls]
    return [answer for answer in found if answer is not None]


def minutes(first: int, last: int) -> range:
    """Return polls a minute apart, by minutes from noon."""
    return range(to_seconds(NOON) + 60 * first, to_seconds(NOON) + 60 * last, 60)


def items(city: City, *faults: Fault, at: datetime, feed: str, version: str = "2.3") -> Any:
    dialect = DIALECTS[version]
    answer = Feeds(city, faults, version).answer(feed, to_seconds(at))
    assert answer is not None
    return json.loads(answer.body)["data"][str(dialect.items(feed))]


def differing(healthy: list[Any], faulty: list[Any]) -> dict[str, tuple[Any, Any]]:
    """Return the stations that differ, with both rows."""
    good, bad = ({row["station_id"]: row for row in rows} for rows in (healthy, faulty))
    keys = {**good, **bad}
    return {key: (good.get(key), bad.get(key)) for key in keys if good.get(key) != bad.get(key)}


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_shows_in_its_window_only(city: City, kind: FaultKind) -> None:
    fault = usual(kind)
    start, end = to_seconds(fault.starts_at), to_seconds(fault.ends_at)
    step = max(60, (end - start) // 12 // 60 * 60)
    polls = range(start - 3 * step, end + 3 * step, step)
    for feed in (STATUS, INFORMATION, BIKES, "vehicle_types"):
        healthy, faulty = answers(city, polls, feed=feed), answers(city, polls, fault, feed=feed)
        shown = {at for at, one, other in zip(polls, healthy, faulty, strict=True) if one != other}
        assert all(start <= at and (at < end or fault.lasts) for at in shown)
        assert bool(shown) == fault.touches(feed)


@pytest.mark.parametrize("version", DIALECTS)
@pytest.mark.parametrize("kind", list(FaultKind))
def test_faults_can_strike_any_version(city: City, kind: FaultKind, version: str) -> None:
    fault = usual(kind)
    for feed in DIALECTS[version].feeds:
        if fault.touches(feed):
            for at in (fault.starts_at, fault.ends_at - timedelta(minutes=1)):
                answer = Feeds(city, [fault], version).answer(feed, to_seconds(at))
                assert answer is not None
                if kind not in WHOLE_FEED:
                    assert json.loads(answer.body)["version"] == version


def test_faults_change_documents_and_never_the_city(city: City) -> None:
    struck_city = City(city.seed, city.started_on, len(city.stations))
    faults = [usual(kind) for kind in FaultKind]
    answers(struck_city, minutes(0, 10), *faults)
    day = city.started_on + timedelta(days=1)
    assert struck_city.day(day).change_at.tolist() == city.day(day).change_at.tolist()
    assert struck_city.day(day).scooters == city.day(day).scooters


@pytest.mark.parametrize(
    "kind", [FaultKind.EMPTY_BODY, FaultKind.TRUNCATED_JSON, FaultKind.HTML_BODY]
)
def test_a_broken_body_is_not_json(city: City, kind: FaultKind) -> None:
    answer = answers(city, minutes(0, 1), fault_of(kind))[0]
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_an_error_has_its_status_and_its_own_body(city: City) -> None:
    for kind, status in ((FaultKind.HTTP_500, 500), (FaultKind.HTTP_404, 404)):
        answer = answers(city, minutes(0, 1), fault_of(kind))[0]
        assert (answer.status, json.loads(answer.body)) == (status, {"error": status})


def test_in_a_gap_nobody_answers_whatever_is_asked(city: City) -> None:
    gap = fault_of(FaultKind.GAP)
    for version, dialect in DIALECTS.items():
        for feed in ("gbfs", *dialect.feeds):
            answer = answers(city, minutes(0, 1), gap, feed=feed, version=version)[0]
            assert answer.refused
            assert not answer.comes
    feeds = Feeds(city, [gap])
    assert [feeds.is_down(at) for at in (*minutes(-1, 1), *minutes(9, 11))] == [
        False, True, True, False,
    ]  # fmt: skip


def test_integer_booleans_are_declared_as_2_3(city: City) -> None:
    answer = answers(city, minutes(0, 1), fault_of(FaultKind.INTEGER_BOOLEANS))[0]
    document = json.loads(answer.body)
    assert document["version"] == "2.3"
    for row in document["data"]["stations"]:
        for flag in ("is_installed", "is_renting", "is_returning"):
            assert type(row[flag]) is int


@pytest.mark.parametrize("feed", [STATUS, INFORMATION])
def test_a_switched_feed_has_the_new_shape_and_for_two_hours_the_old_label(
    city: City, feed: str
) -> None:
    polls = range(to_seconds(NOON) - 3_600, to_seconds(NOON) + 5 * 3_600, 3_600)
    switch, move = fault_of(FaultKind.VERSION_SWITCH), fault_of(FaultKind.SAME_ID_MOVE)
    faulty = [json.loads(one.body) for one in answers(city, polls, switch, move, feed=feed)]
    assert [document["version"] for document in faulty] == ["2.3"] * 3 + ["3.0"] * 3
    new = answers(city, polls, move, feed=feed, version="3.0")
    for document, other in zip(faulty[1:], new[1:], strict=True):
        assert document == json.loads(other.body) | {"version": document["version"]}


def test_last_updated_goes_back_fifteen_minutes_or_two_hours_ahead(city: City) -> None:
    def last_updated(kind: FaultKind) -> list[int]:
        polls = answers(city, minutes(-1, 2), fault_of(kind, minutes=1))
        return [json.loads(answer.body)["last_updated"] - to_seconds(NOON) for answer in polls]

    assert last_updated(FaultKind.LAST_UPDATED_REGRESS) == [-60, -60 - 900, 60]
    assert last_updated(FaultKind.LAST_UPDATED_FUTURE) == [-60, 7_200, 60]


def test_a_stale_feed_repeats_its_last_document(city: City) -> None:
    found = answers(city, minutes(-5, 15), fault_of(FaultKind.STALE_FEED))
    bodies = [answer.body for answer in found]
    assert len(set(bodies[5:15])) == 1
    assert len(set(bodies)) == len(bodies) - 9


def test_a_frozen_feed_goes_on_in_date_only(city: City) -> None:
    found = answers(city, minutes(0, 10), fault_of(FaultKind.FROZEN_FEED))
    documents = [json.loads(answer.body) for answer in found]
    assert [document["last_updated"] for document in documents] == list(minutes(0, 10))
    assert all(document["data"] == documents[0]["data"] for document in documents)


@pytest.mark.parametrize("kind", OF_STATIONS)
def test_a_fault_of_a_station_leaves_the_others_alone(city: City, kind: FaultKind) -> None:
    fault, strikes = usual(kind), set(struck(usual(kind), city).station_ids)
    found = set()
    for share in (0, 3, 6, 9, 11):
        at = fault.starts_at + share * (fault.ends_at - fault.starts_at) / 12
        healthy = items(city, at=at, feed=STATUS)
        found |= set(differing(healthy, items(city, fault, at=at, feed=STATUS)))
    assert found == strikes
    assert len(strikes) == 1


def one_row(city: City, kind: FaultKind, feed: str = STATUS) -> tuple[Any, Any]:
    """Return the row of the struck station ten minutes into a fault, healthy and faulty."""
    at, fault = NOON + timedelta(minutes=10), fault_of(kind, minutes=60)
    rows = items(city, at=at, feed=feed), items(city, fault, at=at, feed=feed)
    ((healthy, faulty),) = differing(*rows).values()
    return healthy, faulty


def test_impossible_counts(city: City) -> None:
    _, negative = one_row(city, FaultKind.NEGATIVE_COUNT)
    assert negative["num_docks_available"] == -1
    _, electric = one_row(city, FaultKind.EBIKES_OVER_BIKES)
    assert electric["num_ebikes_available"] > electric["num_bikes_available"]
    _, types = one_row(city, FaultKind.TYPES_SUM_MISMATCH)
    total = sum(kind["count"] for kind in types["vehicle_types_available"])
    assert total != types["num_bikes_available"]
    _, neither = one_row(city, FaultKind.FULL_AND_EMPTY)
    assert neither["num_bikes_available"] == neither["num_docks_available"] == 0
    healthy, ghosts = one_row(city, FaultKind.GHOST_BIKES)
    assert ghosts["num_bikes_available"] == healthy["num_bikes_available"] + 6
    total = sum(kind["count"] for kind in ghosts["vehicle_types_available"])
    assert total == ghosts["num_bikes_available"]


def test_impossible_stations(city: City) -> None:
    healthy, faulty = one_row(city, FaultKind.MISSING_REQUIRED_FIELD)
    assert set(healthy) - set(faulty) == {"num_bikes_available"}
    assert one_row(city, FaultKind.ORPHAN_STATUS)[0] is None
    assert one_row(city, FaultKind.MISSING_STATUS)[1] is None
    assert one_row(city, FaultKind.ABSURD_LAST_REPORTED)[1]["last_reported"] == 0
    _, flags = one_row(city, FaultKind.FLAG_LATTICE)
    assert (flags["is_installed"], flags["is_renting"]) == (False, True)
    listed = {row["station_id"] for row in items(city, at=NOON, feed=INFORMATION)}
    assert one_row(city, FaultKind.ORPHAN_STATUS)[1]["station_id"] not in listed


def test_a_stale_station_stops_and_a_frozen_one_only_counts_no_more(city: City) -> None:
    for kind, goes_on in ((FaultKind.STALE_LAST_REPORTED, False), (FaultKind.FROZEN_STATION, True)):
        fault = fault_of(kind, minutes=600)
        (station_id,) = struck(fault, city).station_ids
        seen, true = [], []
        for hour in range(10):
            for rows, found in (((fault,), seen), ((), true)):
                listed = items(city, *rows, at=NOON + timedelta(hours=hour), feed=STATUS)
                found.append(next(row for row in listed if row["station_id"] == station_id))
        reported = [row.pop("last_reported") for row in seen]
        assert (reported == [row.pop("last_reported") for row in true]) == goes_on
        assert goes_on or len(set(reported)) == 1
        assert all(row == seen[0] == true[0] for row in seen)
        assert seen != true


def test_a_frozen_station_is_a_busy_one() -> None:
    city = City(7, date(2026, 1, 5), 40)
    (frozen,) = struck(usual(FaultKind.FROZEN_STATION), city).station_ids
    moves = {place.station_id: 0 for place in city.stations}
    for station in city.day(date(2026, 1, 6)).change_station.tolist():
        moves[city.stations[station].station_id] += 1
    assert sum(many > moves[frozen] for many in moves.values()) < 10


def test_a_station_listed_twice_is_so_in_both_feeds(city: City) -> None:
    fault = fault_of(FaultKind.DUPLICATE_STATION)
    (station_id,) = struck(fault, city).station_ids
    for feed in (INFORMATION, STATUS):
        found = [row["station_id"] for row in items(city, fault, at=NOON, feed=feed)]
        assert found.count(station_id) == 2
        assert len(found) == len(set(found)) + 1


def test_one_station_of_the_list_is_described_wrongly(city: City) -> None:
    _, zero = one_row(city, FaultKind.ZERO_COORDINATES, INFORMATION)
    assert (zero["lat"], zero["lon"]) == (0.0, 0.0)
    assert one_row(city, FaultKind.ZERO_CAPACITY, INFORMATION)[1]["capacity"] == 0
    healthy, moved = one_row(city, FaultKind.SAME_ID_MOVE, INFORMATION)
    way_km = math.dist(spot_of(healthy["lat"], healthy["lon"]), spot_of(moved["lat"], moved["lon"]))
    assert 0.3 < way_km < 0.8
    healthy, renamed = one_row(city, FaultKind.RENAME_AND_BACK, INFORMATION)
    assert renamed["name"].startswith(healthy["name"] + " ")
    assert {**renamed, "name": healthy["name"]} == healthy


def test_a_capacity_goes_up_and_down_by_the_hour(city: City) -> None:
    fault = fault_of(FaultKind.CAPACITY_OSCILLATION, minutes=480)
    (station_id,) = struck(fault, city).station_ids
    own = next(place.capacity for place in city.stations if place.station_id == station_id)
    seen = [
        row["capacity"] - own
        for hour in range(9)
        for row in items(city, fault, at=NOON + timedelta(hours=hour), feed=INFORMATION)
        if row["station_id"] == station_id
    ]
    assert seen == [4, 0, 4, 0, 4, 0, 4, 0, 0]


def test_a_flap_takes_most_stations_and_no_hub(city: City) -> None:
    fault = fault_of(FaultKind.STATION_FLAP)
    left = {row["station_id"] for row in items(city, fault, at=NOON, feed=INFORMATION)}
    gone = {place.station_id for place in city.stations} - left
    assert gone == set(struck(fault, city).station_ids)
    assert len(gone) == 7  # of twelve
    assert len(items(city, fault, at=NOON, feed=STATUS)) == len(city.stations) + 2


def test_ids_change_their_format_in_both_feeds_alike(city: City) -> None:
    fault = fault_of(FaultKind.ID_FORMAT_CHANGE)
    for feed in (INFORMATION, STATUS):
        found = [row["station_id"] for row in items(city, fault, at=NOON, feed=feed)]
        assert found == [str(number) for number in range(1, len(city.stations) + 3)]


def test_some_scooters_keep_their_id_over_trips(city: City) -> None:
    fault = usual(FaultKind.ID_NOT_ROTATED)
    scooters = struck(fault, city).scooters
    assert len(scooters) == 3
    then = scooters_at(city, to_seconds(fault.starts_at))
    kept = {then[scooter].vehicle_id for scooter in scooters}
    log = city.day(fault.starts_at.date()).scooters
    places: dict[str, set[tuple[float, float]]] = {one: set() for one in kept}
    for hour in range(13):
        rows = items(city, fault, at=fault.starts_at + timedelta(hours=hour), feed=BIKES)
        assert len({row["bike_id"] for row in rows}) == len(rows)
        for row in rows:
            if row["bike_id"] in kept:
                places[row["bike_id"]].add((row["lat"], row["lon"]))
    assert all(len(seen) > 1 for seen in places.values())
    assert all(any(trip.scooter == scooter for trip in log.trips) for scooter in scooters)


def test_a_hub_counts_a_disabled_scooter(city: City) -> None:
    fault = fault_of(FaultKind.DISABLED_COUNTED, minutes=60)
    healthy, faulty = one_row(city, FaultKind.DISABLED_COUNTED)
    hit = struck(fault, city)
    assert hit.station_ids == (city.hubs[0].station_id,)
    assert 0 in hit.scooters
    assert healthy["num_bikes_disabled"] == len(hit.scooters) > 0
    assert faulty["num_bikes_available"] > healthy["num_bikes_available"]
    assert faulty["vehicle_types_available"][0]["count"] == faulty["num_bikes_available"]


@pytest.mark.parametrize("hour", range(0, 24, 4))
def test_a_parked_scooter_shows_outside_the_service_area(city: City, hour: int) -> None:
    starts_at = datetime(2026, 1, 6, hour, tzinfo=UTC)
    fault = fault_of(FaultKind.GEOFENCE_BREACH, 90, starts_at)
    (scooter,) = struck(fault, city).scooters
    for minute in range(0, 90, 10):
        at = starts_at + timedelta(minutes=minute)
        rows = items(city, fault, at=at, feed=BIKES)
        outside = [
            row for row in rows if not city.area.service.contains(spot_of(row["lat"], row["lon"]))
        ]
        assert [row["bike_id"] for row in outside] == [
            scooters_at(city, to_seconds(at))[scooter].vehicle_id
        ]
        assert "station_id" not in outside[0]


def test_a_city_without_scooters_is_not_struck_by_their_faults() -> None:
    city = City(3, date(2026, 1, 5), 4, scooters=0)
    for kind in (FaultKind.DISABLED_COUNTED, FaultKind.GEOFENCE_BREACH, FaultKind.ID_NOT_ROTATED):
        hit = struck(usual(kind), city)
        assert (hit.station_ids, hit.scooters) == ((), ())
        polls = range(midnight(date(2026, 1, 6)), midnight(date(2026, 1, 7)), 7_200)
        assert answers(city, polls, usual(kind)) == answers(city, polls)
