"""Each fault shows where it is planned and nowhere else."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import City, Fault, FaultKind, default_faults
from simulator.faults import BODY_FAULTS
from simulator.feeds import Answer, Feeds
from simulator.moments import to_seconds

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
POLLS = [to_seconds(NOON) + 60 * minute for minute in range(-30, 60)]


def fault_of(kind: FaultKind, minutes: int = 10) -> Fault:
    return Fault("f", kind, "R0", "station_status", NOON, NOON + timedelta(minutes=minutes))


def answers(city: City, *faults: Fault, feed: str = "station_status") -> list[Answer]:
    feeds = Feeds(city, faults)
    found = [feeds.answer(feed, at) for at in POLLS]
    return [answer for answer in found if answer is not None]


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_shows_in_its_window_only(city: City, kind: FaultKind) -> None:
    healthy, faulty = answers(city), answers(city, fault_of(kind))
    differs = [one != other for one, other in zip(healthy, faulty, strict=True)]
    window = [to_seconds(NOON) <= at < to_seconds(NOON) + 600 for at in POLLS]
    if kind is FaultKind.STALE_FEED:  # it begins with the last document that was right
        window[window.index(True)] = False
    assert differs == window


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_leaves_other_feeds_alone(city: City, kind: FaultKind) -> None:
    feed = "station_information"
    assert answers(city, feed=feed) == answers(city, fault_of(kind), feed=feed)


@pytest.mark.parametrize(
    "kind", [FaultKind.EMPTY_BODY, FaultKind.TRUNCATED_JSON, FaultKind.HTML_BODY]
)
def test_a_broken_body_is_not_json(city: City, kind: FaultKind) -> None:
    answer = answers(city, fault_of(kind))[30]
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_integer_booleans_are_declared_as_2_3(city: City) -> None:
    document = json.loads(answers(city, fault_of(FaultKind.INTEGER_BOOLEANS))[30].body)
    assert document["version"] == "2.3"
    for row in document["data"]["stations"]:
        for flag in ("is_installed", "is_renting", "is_returning"):
            assert type(row[flag]) is int


def test_the_required_field_is_missing_at_the_same_one_station(city: City) -> None:
    without = {
        tuple(
            row["station_id"]
            for row in json.loads(answer.body)["data"]["stations"]
            if "num_bikes_available" not in row
        )
        for answer in answers(city, fault_of(FaultKind.MISSING_REQUIRED_FIELD))[30:40]
    }
    assert len(without) == 1
    assert len(without.pop()) == 1


def test_last_updated_goes_back_fifteen_minutes_or_two_hours_ahead(city: City) -> None:
    def last_updated(kind: FaultKind) -> list[int]:
        polls = answers(city, fault_of(kind, minutes=1))[29:32]
        return [json.loads(answer.body)["last_updated"] - to_seconds(NOON) for answer in polls]

    assert last_updated(FaultKind.LAST_UPDATED_REGRESS) == [-60, -60 - 900, 60]
    assert last_updated(FaultKind.LAST_UPDATED_FUTURE) == [-60, 7_200, 60]


def test_a_stale_feed_repeats_its_last_document(city: City) -> None:
    bodies = [answer.body for answer in answers(city, fault_of(FaultKind.STALE_FEED))]
    assert len(set(bodies[30:40])) == 1
    assert len(set(bodies)) == len(bodies) - 9


@given(
    seed=st.integers(0, 2**31),
    minutes=st.integers(10, 90 * 1_440),
    since=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
)
def test_planned_faults_keep_apart_and_away_from_the_ends(
    seed: int, minutes: int, since: datetime
) -> None:
    since = since.replace(tzinfo=UTC)
    until = since + timedelta(minutes=minutes)
    plan = default_faults(seed, since, until)
    assert plan == default_faults(seed, since, until)
    for fault in plan:
        assert since + timedelta(hours=1) <= fault.starts_at < fault.ends_at
        assert fault.ends_at <= until - timedelta(hours=6)
    assert all(one.ends_at < other.starts_at for one, other in pairwise(plan))
    kinds = [fault.kind for fault in plan]
    assert all(kinds.count(kind) <= 2 for kind in BODY_FAULTS)
    if minutes >= 2 * 1_440:
        assert set(kinds) == set(BODY_FAULTS)
