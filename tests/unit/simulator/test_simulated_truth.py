"""Episodes of empty and full stations are those of the city's own log, to the second."""

from datetime import UTC, date, datetime, timedelta

import pytest

from simulator import City, Episode, episodes
from simulator.moments import to_datetime, to_seconds
from simulator.states import StationStates

SINCE = datetime(2026, 1, 5, 6, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=40)


@pytest.fixture(scope="module")
def town() -> City:
    return City(7, date(2026, 1, 5), 20)


@pytest.fixture(scope="module")
def found(town: City) -> list[Episode]:
    return list(episodes(town, SINCE, UNTIL))


def state_at(city: City, states: StationStates, at: int) -> list[str | None]:
    states.move_to(at)
    named: list[str | None] = []
    for place, (classic, electric, disabled) in zip(
        city.stations, states.counts.tolist(), strict=True
    ):
        ready = classic + electric
        is_full = ready + disabled == place.capacity
        named.append("empty" if ready == 0 else "full" if is_full else None)
    return named


def test_episodes_say_what_the_city_says_at_every_change(town: City, found: list[Episode]) -> None:
    states = StationStates(town)
    days = [town.day(date(2026, 1, day)) for day in (5, 6)]
    moments = {at for log in days for at in log.change_at.tolist()}
    inside = sorted(at for at in moments if to_seconds(SINCE) <= at < to_seconds(UNTIL))
    for at in [to_seconds(SINCE), *inside[::7]]:
        told = {
            one.station_id: one.state
            for one in found
            if one.started_at <= to_datetime(at) < one.ended_at
        }
        assert [told.get(place.station_id) for place in town.stations] == state_at(town, states, at)


def test_episodes_begin_and_end_with_a_change(town: City, found: list[Episode]) -> None:
    states = StationStates(town)
    index = {place.station_id: number for number, place in enumerate(town.stations)}
    assert {one.state for one in found} == {"empty", "full"}
    for one in found:
        start, end = to_seconds(one.started_at), to_seconds(one.ended_at)
        assert SINCE <= one.started_at < one.ended_at <= UNTIL
        if one.started_at > SINCE:
            assert state_at(town, states, start - 1)[index[one.station_id]] != one.state
        if one.ended_at < UNTIL:
            assert state_at(town, states, end)[index[one.station_id]] != one.state


def test_a_part_of_a_period_has_the_same_episodes_cut(town: City, found: list[Episode]) -> None:
    since, until = SINCE + timedelta(hours=11), SINCE + timedelta(hours=29)
    assert list(episodes(town, since, until)) == [
        one._replace(started_at=max(one.started_at, since), ended_at=min(one.ended_at, until))
        for one in found
        if one.started_at < until and one.ended_at > since
    ]
