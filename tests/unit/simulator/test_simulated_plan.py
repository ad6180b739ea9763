"""Plans hold every kind that fits, and nothing in them hides anything else."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import Fault, FaultKind, all_faults, default_faults
from simulator.faults import MANNERS
from simulator.faults.plan import NOT_BY_DEFAULT, SEPARATION_S

START = datetime(2026, 1, 5, tzinfo=UTC)
LONG = {FaultKind.FROZEN_STATION}
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001


def kinds_of(plan: Iterable[Fault]) -> list[FaultKind]:
    return [fault.kind for fault in plan]


def assert_apart(plan: Iterable[Fault]) -> None:
    for one, other in combinations(plan, 2):
        if FaultKind.VERSION_SWITCH in (one.kind, other.kind):
            continue
        for feed, apart_s in SEPARATION_S.items():
            busy = [(*fault.feeds, *MANNERS[fault.kind].beside) for fault in (one, other)]
            if feed in busy[0] and feed in busy[1]:
                assert one.ends_at + timedelta(seconds=apart_s) <= other.starts_at


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**31), minutes=st.integers(10, 60 * 1_440), since=MOMENTS)
def test_planned_faults_keep_apart_and_away_from_the_ends(
    seed: int, minutes: int, since: datetime
) -> None:
    since = since.replace(tzinfo=UTC)
    until = since + timedelta(minutes=minutes)
    plan = default_faults(seed, since, until)
    assert plan == default_faults(seed, since, until)
    for fault in plan:
        assert since + timedelta(hours=1) <= fault.starts_at < fault.ends_at <= until
        assert fault.lasts or fault.ends_at <= until - timedelta(hours=6)
        assert fault.starts_at.timestamp() % 600 == 0
    assert_apart(plan)
    kinds = kinds_of(plan)
    assert len(kinds) == len(set(kinds))
    assert NOT_BY_DEFAULT.isdisjoint(kinds)
    if minutes >= 7 * 1_440:
        assert set(FaultKind) - set(kinds) <= NOT_BY_DEFAULT | LONG
    if minutes >= 14 * 1_440:
        assert set(FaultKind) - set(kinds) == NOT_BY_DEFAULT
    if minutes >= 2 * 1_440:
        assert len(kinds) >= 24


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**31), hours=st.integers(14 * 24, 40 * 24), since=MOMENTS)
def test_a_plan_of_all_faults_has_each_kind_once(seed: int, hours: int, since: datetime) -> None:
    since = since.replace(tzinfo=UTC)
    until = since + timedelta(hours=hours)
    plan = all_faults(seed, since, until)
    assert plan == all_faults(seed, since, until)
    assert sorted(kinds_of(plan)) == sorted(FaultKind)
    assert_apart(plan)
    at = {fault.kind: fault for fault in plan}
    assert at[FaultKind.FROZEN_STATION].starts_at >= since + timedelta(days=8)
    switch = plan[-1]
    assert switch.kind is FaultKind.VERSION_SWITCH
    assert (switch.starts_at.hour, switch.starts_at.minute, switch.ends_at) == (12, 0, until)
    assert until - switch.starts_at >= timedelta(hours=18)
    for fault in plan[:-1]:
        assert fault.lasts or fault.ends_at <= switch.starts_at - timedelta(hours=6)
    assert at[FaultKind.SAME_ID_MOVE].starts_at <= switch.starts_at - timedelta(hours=12)


def test_a_period_that_is_too_short_for_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 14 days"):
        all_faults(7, START, START + timedelta(days=6))


def test_faults_say_what_they_are() -> None:
    for fault in all_faults(7, START, START + timedelta(days=15)):
        manner = MANNERS[fault.kind]
        assert (fault.expected_rule, fault.feed) == (manner.rule, manner.feed)
        assert fault.fault_id.endswith(f"-{fault.kind}")
        if manner.minutes:
            shortest, longest = (timedelta(minutes=edge) for edge in manner.minutes)
            assert shortest <= fault.ends_at - fault.starts_at <= longest


def test_a_city_without_scooters_is_spared_their_faults() -> None:
    spared = {FaultKind.ID_NOT_ROTATED, FaultKind.DISABLED_COUNTED, FaultKind.GEOFENCE_BREACH}
    until = START + timedelta(days=15)
    for planned in (default_faults, all_faults):
        with_them = set(kinds_of(planned(7, START, until)))
        without = set(kinds_of(planned(7, START, until, has_scooters=False)))
        assert with_them - without == spared
