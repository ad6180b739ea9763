"""The world is determined by its parameters, and no bike appears or vanishes in it."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.city import City
from simulator.log import DayLog
from simulator.moments import DAY_S, midnight
from simulator.riders import pull_at, ride_seconds
from simulator.states import StationStates

FIRST_DAY = date(2026, 1, 5)


def days_of(city: City, count: int = 3) -> list[DayLog]:
    return [city.day(city.started_on + timedelta(days=n)) for n in range(count)]


def assert_same_day(one: DayLog, other: DayLog) -> None:
    np.testing.assert_array_equal(one.opening, other.opening)
    np.testing.assert_array_equal(one.change_at, other.change_at)
    np.testing.assert_array_equal(one.change_station, other.change_station)
    np.testing.assert_array_equal(one.change_counts, other.change_counts)
    np.testing.assert_array_equal(one.weather.rain_mm, other.weather.rain_mm)
    assert one.lost_demand == other.lost_demand
    assert one.disablements == other.disablements


def test_same_parameters_give_the_same_days_however_they_are_asked_for() -> None:
    one, other = City(3, FIRST_DAY, 12), City(3, FIRST_DAY, 12)
    third = one.day(FIRST_DAY + timedelta(days=2))
    in_order = days_of(other)
    assert_same_day(third, in_order[2])
    for ours, theirs in zip(days_of(one), in_order, strict=True):
        assert_same_day(ours, theirs)
        assert ours.trips == theirs.trips
        assert ours.moves == theirs.moves
    assert one.stations == other.stations


def test_another_seed_gives_another_city(city: City) -> None:
    other = City(4, FIRST_DAY, 12)
    assert {place.station_id for place in other.stations}.isdisjoint(
        place.station_id for place in city.stations
    )


def test_a_day_before_the_first_is_refused(city: City) -> None:
    with pytest.raises(ValueError, match="before the city's first day"):
        city.day(FIRST_DAY - timedelta(days=1))


def test_a_city_needs_two_stations() -> None:
    with pytest.raises(ValueError, match="at least 2 stations"):
        City(3, FIRST_DAY, 1)


def test_stations_are_distinct_and_on_the_coast() -> None:
    stations = City(7, FIRST_DAY, 200).stations
    assert len({place.station_id for place in stations}) == 200
    assert len({place.name for place in stations}) == 200
    assert all(11 <= place.capacity <= 35 for place in stations)
    assert all(39.9 < place.lat < 40.2 and -8.9 < place.lon < -8.7 for place in stations)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31), stations=st.integers(2, 15))
def test_every_bike_is_docked_riding_or_on_a_truck_at_all_times(seed: int, stations: int) -> None:
    city = City(seed, FIRST_DAY, stations)
    days = days_of(city, 2)
    capacity = np.array([place.capacity for place in city.stations])
    away: dict[int, int] = {}
    for log in days:
        for trip in log.trips:
            away[trip.started_at] = away.get(trip.started_at, 0) + 1
            if trip.ended_at is not None:
                away[trip.ended_at] = away.get(trip.ended_at, 0) - 1
        for move in log.moves:
            away[move.picked_up_at] = away.get(move.picked_up_at, 0) + len(move.bikes)
            for drop in move.drops:
                away[drop.dropped_at] = away.get(drop.dropped_at, 0) - len(drop.bikes)
    states = StationStates(city)
    riding = 0
    for at in sorted(second for second in away if second < midnight(FIRST_DAY) + 2 * DAY_S):
        riding += away[at]
        states.move_to(at)
        assert states.counts.min() >= 0
        assert (states.counts.sum(axis=1) <= capacity).all()
        assert states.counts.sum() + riding == city.fleet


def test_records_explain_every_station_at_every_hour(city: City) -> None:
    days = days_of(city)
    states = StationStates(city)
    opening = states.counts.copy()
    for hour in range(1, 72):
        at = midnight(FIRST_DAY) + 3_600 * hour
        docked = opening.sum(axis=1).astype(int)
        disabled = np.zeros(len(city.stations), dtype=int)
        for log in days:
            for trip in log.trips:
                docked[trip.start] -= trip.started_at <= at
                if trip.end is not None and trip.ended_at is not None:
                    docked[trip.end] += trip.ended_at <= at
            for move in log.moves:
                docked[move.start] -= len(move.bikes) * (move.picked_up_at <= at)
                for drop in move.drops:
                    docked[drop.station] += len(drop.bikes) * (drop.dropped_at <= at)
            for broken in log.disablements:
                disabled[broken.station] += broken.disabled_at <= at < broken.repaired_at
        states.move_to(at)
        assert states.counts.sum(axis=1).tolist() == docked.tolist()
        assert states.counts[:, 2].tolist() == disabled.tolist()


def test_a_bike_is_never_in_two_places(city: City) -> None:
    absences: dict[int, list[tuple[int, int]]] = {}
    for log in days_of(city):
        for trip in log.trips:
            if trip.ended_at is not None:
                absences.setdefault(trip.bike, []).append((trip.started_at, trip.ended_at))
        for move in log.moves:
            for drop in move.drops:
                for bike in drop.bikes:
                    absences.setdefault(bike, []).append((move.picked_up_at, drop.dropped_at))
    for times in absences.values():
        times.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(times))


@settings(max_examples=25, deadline=None)
@given(moments=st.lists(st.integers(0, 3 * DAY_S - 1), min_size=1, max_size=6))
def test_states_do_not_depend_on_where_one_came_from(city: City, moments: list[int]) -> None:
    wanderer = StationStates(city)
    for moment in moments:
        at = midnight(FIRST_DAY) + moment
        wanderer.move_to(at)
        fresh = StationStates(city)
        fresh.move_to(at)
        np.testing.assert_array_equal(wanderer.counts, fresh.counts)
        np.testing.assert_array_equal(wanderer.reported_at, fresh.reported_at)
        assert (fresh.reported_at <= at).all()
        assert (fresh.reported_at > at - 600).all()


def test_truck_loads_are_worth_the_way() -> None:
    city = City(7, FIRST_DAY, 60)
    loads = [len(move.bikes) for log in days_of(city) for move in log.moves]
    assert len(loads) > 20
    assert min(loads) >= 3
    assert sum(load >= 8 for load in loads) > len(loads) / 2


def test_people_ride_about_five_times_per_bike_and_day_and_sometimes_find_none() -> None:
    city = City(7, FIRST_DAY, 60)
    days = days_of(city, 7)
    per_bike = sum(len(log.trips) for log in days) / 7 / city.fleet
    lost = sum(len(log.lost_demand) for log in days)
    assert 3.5 < per_bike < 6.5
    assert 0 < lost < 0.2 * sum(len(log.trips) for log in days)
    assert any(trip.redirects for log in days for trip in log.trips)


def test_rain_keeps_riders_at_home() -> None:
    days = days_of(City(7, FIRST_DAY, 12), 40)
    dry = [len(log.trips) for log in days if log.weather.rain_mm.sum() < 1]
    wet = [len(log.trips) for log in days if log.weather.rain_mm.sum() > 10]
    assert 0 < len(wet) < len(dry)
    assert np.mean(wet) < 0.9 * np.mean(dry)


def test_mornings_lead_to_work_and_evenings_home() -> None:
    morning, evening = pull_at(8, weekend=False), pull_at(18, weekend=False)
    assert morning.out[0] > morning.out[1]
    assert morning.into[1] > morning.into[0]
    assert evening.out[1] > evening.out[0]
    assert evening.into[0] > evening.into[1]


@pytest.mark.parametrize("electric", [False, True])
def test_a_ride_is_as_fast_as_a_bike(electric: bool) -> None:
    seconds = ride_seconds(2.0, electric=electric, pace=1.0)
    assert 8 * 60 < seconds < 18 * 60
    assert ride_seconds(50.0, electric=electric, pace=3.0) == 3 * 3_600
