"""When a feed is asked next: at its pace, spread over time, with nothing made up for."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestion.schedule import first_due, next_due, phase_of, retry_delay
from ingestion.sources.gbfs.feeds import FEEDS, INDEX, REALTIME
from ingestion.sources.gbfs.pace import GbfsOptions, pace_s, ttl_of
from ingestion.sources.gbfs.registry import System
from ingestion.tally import Counts, Tally

moments = st.floats(1.7e9, 2e9)
paces = st.floats(0.5, 86400)
phases = st.floats(0, 1, exclude_max=True)


@given(now=moments, pace=paces, phase=phases)
def test_the_first_poll_is_within_a_pace(now: float, pace: float, phase: float) -> None:
    assert now < first_due(now, pace, phase) <= now + pace * (1 + 1e-6) + 1e-3


@given(now=moments, pace=paces, phase=phases)
def test_polls_in_time_are_a_pace_apart(now: float, pace: float, phase: float) -> None:
    due = first_due(now, pace, phase)
    for _ in range(3):
        after = next_due(due, due + pace / 10, pace, phase)
        assert after - due == pytest.approx(pace, abs=1e-3)
        due = after


@given(previous=moments, pace=paces, phase=phases)
def test_a_change_of_pace_keeps_the_distance_near_it(
    previous: float, pace: float, phase: float
) -> None:
    distance = next_due(previous, previous, pace, phase) - previous
    assert 0.5 * pace - 1e-3 <= distance <= 1.5 * pace + 1e-3


@given(previous=moments, late=st.floats(1, 20), pace=paces, phase=phases)
@example(previous=1.7e9, late=7.5, pace=60, phase=0.25)
@example(previous=1739469114.0, late=1.0, pace=3321.6196751572907, phase=0.0)
def test_what_was_missed_is_not_made_up_for(
    previous: float, late: float, pace: float, phase: float
) -> None:
    due = first_due(previous, pace, phase)
    now = due + late * pace
    after = next_due(due, now, pace, phase)
    assert now < after <= now + pace * (1 + 1e-6) + 1e-3


def test_fifty_systems_do_not_poll_in_the_same_second() -> None:
    dues = [first_due(1.7e9, 60, phase_of(f"system_{number}")) for number in range(50)]
    seconds = [int(due - 1.7e9) for due in dues]
    assert max(seconds.count(second) for second in seconds) <= 5
    assert len(set(seconds)) > 25
    assert phase_of("a") == phase_of("a") != phase_of("b")


def test_attempts_are_further_and_further_apart() -> None:
    for chance in (0.0, 0.5, 1.0):
        delays = [retry_delay(tried, None, chance) for tried in (1, 2, 3)]
        assert delays == [delays[0], delays[0] * 2, delays[0] * 4]
        assert 0.5 <= delays[0] <= 1.5
    assert retry_delay(1, 30, 0.5) == 30
    assert retry_delay(3, 1, 0.5) == 4


SYSTEM = System("sys", "https://a.org", "UTC", 60)
OPTIONS = GbfsOptions(static_interval_s=3600)


@pytest.mark.parametrize(
    ("feed", "ttl", "every", "expected"),
    [
        ("station_status", 0, None, 60),
        ("station_status", 30, None, 60),
        ("station_status", 300, None, 300),
        ("station_status", 300, 10, 10),
        ("station_information", 0, None, 3600),
        ("station_information", 7200, None, 7200),
        ("station_information", 0, 10, 3600),
        (INDEX, 86400, None, 86400),
    ],
)
def test_each_feed_has_its_pace(
    feed: str, ttl: float, every: float | None, expected: float
) -> None:
    assert pace_s(SYSTEM, feed, OPTIONS, ttl, every) == expected


def test_feeds_that_seldom_change_are_no_more_frequent_than_the_system() -> None:
    rare = System("sys", "https://a.org", "UTC", 7200)
    assert pace_s(rare, "station_information", OPTIONS) == 7200
    assert {*FEEDS} > REALTIME


@pytest.mark.parametrize(
    ("document", "ttl"),
    [
        ({"ttl": 60}, 60),
        ({"ttl": 1.5}, 1.5),
        ({"ttl": 10**12}, 86400),
        ({"ttl": -1}, 0),
        ({"ttl": True}, 0),
        ({"ttl": "60"}, 0),
        ({"ttl": None}, 0),
        ({"ttl": float("nan")}, 0),
        ([], 0),
        (None, 0),
    ],
)
def test_a_time_to_live_is_a_number_of_seconds_up_to_a_day(document: object, ttl: float) -> None:
    assert ttl_of(document) == ttl


def test_a_tally_tells_the_last_minute_and_all() -> None:
    now = [0.0]
    tally = Tally(lambda: now[0])
    tally.add(Counts(1, True, False, 10))
    now[0] = 59.0
    tally.add(Counts(1, False, True, 5))
    assert tally.last_minute() == Counts(2, 1, 1, 15)
    now[0] = 61.0
    assert tally.last_minute() == Counts(1, 0, 1, 5)
    assert str(tally.total) == "2 polls, 1 errors, 1 not modified, 0.0 MB"
