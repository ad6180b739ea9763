"""Scooters stand, are reserved, ridden and mended; the records explain all that is seen."""

import math
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import City
from simulator.city import default_scooters
from simulator.log import ScooterCollection, ScooterTrip
from simulator.moments import DAY_S, midnight
from simulator.states import ScooterStates, scooters_at

FIRST_DAY = date(2026, 1, 5)
DAYS = 5


@pytest.fixture(scope="module")
def town() -> City:
    """Thirty stations, ten scooters."""
    return City(7, FIRST_DAY, 30)


def trips_of(city: City, days: int = DAYS) -> list[ScooterTrip]:
    logs = [city.day(city.started_on + timedelta(days=n)) for n in range(days)]
    return [trip for log in logs for trip in log.scooters.trips]


def collections_of(city: City, days: int = DAYS) -> list[ScooterCollection]:
    logs = [city.day(city.started_on + timedelta(days=n)) for n in range(days)]
    return [collection for log in logs for collection in log.scooters.collections]


def test_a_third_of_the_stations_in_scooters_unless_told_otherwise(town: City) -> None:
    assert (town.scooters, default_scooters(120), default_scooters(2)) == (10, 40, 6)
    assert City(7, FIRST_DAY, 30, scooters=3).scooters == 3
    with pytest.raises(ValueError, match="0 scooters or more"):
        City(7, FIRST_DAY, 30, scooters=-1)


def test_scooters_change_nothing_about_bikes(town: City) -> None:
    without = City(7, FIRST_DAY, 30, scooters=0)
    assert without.hubs == ()
    assert without.day(FIRST_DAY).trips == town.day(FIRST_DAY).trips
    assert without.day(FIRST_DAY).change_at.tolist() == town.day(FIRST_DAY).change_at.tolist()
    assert without.stations == town.stations


def test_same_parameters_give_the_same_rides(town: City) -> None:
    other = City(7, FIRST_DAY, 30)
    other.day(FIRST_DAY + timedelta(days=DAYS))
    assert trips_of(other) == trips_of(town)
    assert trips_of(City(8, FIRST_DAY, 30)) != trips_of(town)


def test_a_public_id_changes_whenever_a_scooter_goes_and_never_comes_back(town: City) -> None:
    trips, collections = trips_of(town), collections_of(town)
    assert collections
    for scooter in range(town.scooters):
        goings = [
            (one.started_at, one.ended_at, one) for one in trips if one.scooter == scooter
        ] + [
            (one.collected_at, one.deployed_at, one)
            for one in collections
            if one.scooter == scooter
        ]
        goings.sort(key=lambda going: going[0])
        for (_, came_at, one), (went_at, _, other) in pairwise(goings):
            assert one.vehicle_id_after == other.vehicle_id_before
            assert one.end == other.start
            assert came_at <= went_at
    shown = [one.vehicle_id_after for one in (*trips, *collections)]
    assert len(set(shown)) == len(shown)
    assert not {one.vehicle_id_before for one in trips[:1]} & set(shown)


def test_rides_are_by_day_within_the_service_area(town: City) -> None:
    trips = trips_of(town)
    assert 1.5 < len(trips) / DAYS / town.scooters < 6
    by_day = sum(6 * 3_600 <= trip.started_at % DAY_S < 22 * 3_600 for trip in trips)
    assert by_day > 0.8 * len(trips)
    for trip in trips:
        assert 60 < trip.ended_at - trip.started_at < 3_600
        assert town.area.allows(trip.end.spot)
        if trip.reserved_at is not None:
            assert 60 <= trip.started_at - trip.reserved_at <= 480
    assert 0.2 < sum(trip.end.hub is not None for trip in trips) / len(trips) < 0.6
    assert any(trip.reserved_at for trip in trips)


def test_the_records_explain_every_state(town: City) -> None:
    states, trips = ScooterStates(town), trips_of(town, DAYS + 1)
    collections = collections_of(town, DAYS + 1)
    outages = [
        outage
        for n in range(DAYS + 1)
        for outage in town.day(FIRST_DAY + timedelta(days=n)).scooters.outages
    ]
    for at in range(midnight(FIRST_DAY), midnight(FIRST_DAY) + DAYS * DAY_S, 1_800):
        states.move_to(at)
        away = {trip.scooter for trip in trips if trip.started_at <= at < trip.ended_at} | {
            one.scooter for one in collections if one.collected_at <= at < one.deployed_at
        }
        reserved = {
            trip.scooter for trip in trips if (trip.reserved_at or at + 1) <= at < trip.started_at
        }
        broken = {
            outage.scooter
            for outage in outages
            if outage.disabled_at <= at < (outage.repaired_at or math.inf)
        }
        found = list(enumerate(states.states))
        assert {scooter for scooter, state in found if state.is_ridden} == away
        assert {scooter for scooter, state in found if state.is_reserved} == reserved
        assert {scooter for scooter, state in found if state.is_disabled} == broken
        assert all(0 <= state.charge <= 1 for state in states.states)


def test_one_scooter_always_waits_for_a_part_at_the_first_hub(town: City) -> None:
    for hour in range(0, 24 * DAYS, 7):
        first = scooters_at(town, midnight(FIRST_DAY) + 3_600 * hour)[0]
        assert (first.place.hub, first.is_disabled) == (0, True)
    causes = {
        outage.cause
        for n in range(20)
        for outage in town.day(FIRST_DAY + timedelta(days=n)).scooters.outages
    }
    assert causes == {"spare part", "battery", "defect"}


@settings(max_examples=20, deadline=None)
@given(moments=st.lists(st.integers(0, DAYS * DAY_S - 1), min_size=1, max_size=6))
def test_states_do_not_depend_on_where_one_came_from(town: City, moments: list[int]) -> None:
    wanderer = ScooterStates(town)
    for moment in moments:
        at = midnight(FIRST_DAY) + moment
        wanderer.move_to(at)
        assert wanderer.states == scooters_at(town, at)


def test_where_one_strays_is_far_outside(town: City) -> None:
    east, north = town.area.beyond()
    assert not town.area.service.contains((east, north))
    nearest = min(
        math.dist((east, north), (x1 + part / 50 * (x2 - x1), y1 + part / 50 * (y2 - y1)))
        for (x1, y1), (x2, y2) in pairwise(
            [*town.area.service.corners, town.area.service.corners[0]]
        )
        for part in range(51)
    )
    assert nearest > 0.5
