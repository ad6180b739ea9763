"""Stays, probable trips, zones and breaches of a city of scooters, against the city's ledger."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from ingestion.privacy import pseudonym
from mobilake.secrets import pseudonym_key
from simulator import City, FaultKind
from simulator.faults import Fault
from simulator.geography import spot_of
from simulator.moments import midnight, to_datetime, to_seconds
from simulator.states import scooters_at
from simulator.zones import council_of, write_zones

SYSTEM = "port_aurora"
SEED, STATIONS, SCOOTERS, DAYS, EVERY_S = 11, 4, 60, 3, 900
STARTED_ON = date(2026, 3, 2)


@dataclass(frozen=True)
class Truth:
    """What became of scooters, by pseudonym; times are UTC without a zone, as in the marts."""

    city: City
    trips: dict[str, dict[str, Any]]
    collected: set[str]
    breach: Fault
    strays: set[str]


@dataclass(frozen=True)
class Pair:
    """A probable trip: under which ids, how likely, and whether it took place."""

    before: str
    after: str
    probability: float
    is_likeliest: bool
    is_true: bool


@pytest.fixture(scope="module")
def world(record_city, new_workspace) -> Iterator[tuple[Truth, duckdb.DuckDBPyConnection]]:
    city = City(SEED, STARTED_ON, STATIONS, scooters=SCOOTERS)
    starts_at = to_datetime(midnight(STARTED_ON)) + timedelta(hours=30)
    ends_at = starts_at + timedelta(hours=1)
    kind = FaultKind.GEOFENCE_BREACH
    breach = Fault("v1", kind, "R28", "free_bike_status", starts_at, ends_at)
    recorded = record_city(city, DAYS, EVERY_S, [breach])
    space = new_workspace("vehicles")
    space.land(SYSTEM, recorded)
    zones = write_zones(city, space.home)
    assert "11 new" in space.run("import", "zones", "--system", SYSTEM, str(zones))
    space.models("dim_zone", "fct_fleet_hourly", "fct_geofence_breach", "fct_inferred_trip")
    key = pseudonym_key(space.home)

    def rows(table: str) -> list[dict[str, Any]]:
        files = sorted(recorded.ledger.glob(f"{table}-*.parquet"))
        return [_in_marts(row) for file in files for row in pq.read_table(file).to_pylist()]

    def hashed(vehicle_id: str | None) -> str | None:
        return vehicle_id and pseudonym(vehicle_id, key)

    trips = {
        str(hashed(row["vehicle_id_before"])): row
        | {"vehicle_id_after": hashed(row["vehicle_id_after"])}
        for row in rows("scooter_trips")
    }
    collected = {str(hashed(row["vehicle_id_before"])) for row in rows("scooter_collections")}
    (fault,) = pq.read_table(recorded.ledger / "faults.parquet").to_pylist()
    strays = set(fault["scooter_ids"])
    with space.marts() as marts:
        yield Truth(city, trips, collected, breach, strays), marts


@pytest.fixture(scope="module")
def pairs(world) -> list[Pair]:
    """All probable trips of rotating ids."""
    truth, marts = world
    told = marts.execute(
        """select gone.vehicle_id, come.vehicle_id, trips.probability, trips.is_likeliest
        from fct_inferred_trip as trips
        inner join fct_vehicle_stay as gone on trips.from_stay_id = gone.stay_id
        inner join fct_vehicle_stay as come on trips.to_stay_id = come.stay_id
        where match_method = 'rotated_id'"""
    ).fetchall()
    return [
        Pair(*row, truth.trips.get(row[0], {}).get("vehicle_id_after") == row[1]) for row in told
    ]


def test_probabilities_of_trips_are_what_they_say(pairs):
    bands: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        bands[min(int(pair.probability * 5), 4)].append(pair)
    for band in bands.values():
        said = sum(pair.probability for pair in band) / len(band)
        true = sum(pair.is_true for pair in band) / len(band)
        by_chance = 1 / math.sqrt(len(band))  # two standard errors, at most
        assert abs(said - true) < 0.1 + by_chance, (said, true, len(band))
    brier = sum((pair.probability - pair.is_true) ** 2 for pair in pairs) / len(pairs)
    base = sum(pair.is_true for pair in pairs) / len(pairs)
    assert brier < 0.12
    assert brier < 0.6 * base * (1 - base)  # far better than to say the same of all


def test_as_many_trips_are_expected_as_there_were(world, pairs):
    truth, marts = world
    ended = sum(trip["vehicle_id_after"] is not None for trip in truth.trips.values())
    expected = sum(pair.probability for pair in pairs)
    assert 0.85 * ended < expected < 1.05 * ended
    (hourly,) = marts.execute(
        "select sum(expected_trips) from fct_fleet_hourly where zone_sk is null"
    ).fetchone()
    (all_trips,) = marts.execute("select sum(probability) from fct_inferred_trip").fetchone()
    assert hourly == pytest.approx(all_trips)
    found = sum(pair.is_true for pair in pairs if pair.is_likeliest)
    assert found > 0.7 * sum(pair.is_likeliest for pair in pairs)


def test_no_vehicle_is_ridden_twice_at_once(pairs):
    for end in ("before", "after"):
        sums: dict[str, float] = defaultdict(float)
        likeliest: dict[str, int] = defaultdict(int)
        for pair in pairs:
            sums[getattr(pair, end)] += pair.probability
            likeliest[getattr(pair, end)] += pair.is_likeliest
        assert max(sums.values()) <= 1.00001
        assert max(likeliest.values()) <= 1


def test_what_the_operator_collected_is_seldom_taken_for_a_trip(world, pairs):
    truth, _ = world
    taken: dict[str, float] = defaultdict(float)
    for pair in pairs:
        taken[pair.before] += pair.probability
    of_trips = [taken[before] for before in truth.trips]
    of_collections = [taken[before] for before in truth.collected]
    assert len(of_collections) > 10
    assert sum(of_trips) / len(of_trips) > 0.8
    assert sum(of_collections) / len(of_collections) < 0.6


def test_a_stay_lies_between_the_trips_that_begin_and_end_it(world):
    truth, marts = world
    stays = marts.execute(
        "select vehicle_id, last_seen_at, gone_at, ended_by from fct_vehicle_stay"
    ).fetchall()
    departed = 0
    for vehicle_id, last_seen_at, gone_at, ended_by in stays:
        trip = truth.trips.get(vehicle_id)
        if trip and ended_by == "disappeared":
            departed += 1
            assert last_seen_at < trip["started_at"] <= gone_at
    assert departed > 0.95 * len(truth.trips)


def test_vehicles_stand_in_the_council_that_they_truly_are_in(world):
    truth, marts = world
    stays = dict(
        marts.execute(
            """select stays.vehicle_id, zones.zone_name from fct_vehicle_stay as stays
            inner join dim_zone as zones using (zone_sk) where breach_kind is null"""
        ).fetchall()
    )
    known = [(trip, stays[before]) for before, trip in truth.trips.items() if before in stays]
    assert len(known) > 100
    for trip, name in known:
        assert council_of(spot_of(trip["start_lat"], trip["start_lon"])) == name


def test_the_one_that_strays_is_the_one_breach(world):
    truth, marts = world
    (found,) = marts.execute(
        "select breach_kind, first_seen_at, last_seen_at from fct_geofence_breach"
    ).fetchall()
    begins = truth.breach.starts_at.replace(tzinfo=None)
    ends = truth.breach.ends_at.replace(tzinfo=None)
    assert len(truth.strays) == 1
    assert found[0] == "outside_service_area"
    assert begins <= found[1] <= found[2] < ends


def test_the_fleet_of_an_hour_is_the_scooters_that_stood(world):
    truth, marts = world
    told = marts.execute(
        """select hour_at, sum(mean_available + mean_reserved + mean_disabled)
        from fct_fleet_hourly
        where zone_sk is null and vehicle_type_id = 'scooter' and placement = 'free'
        group by hour_at"""
    ).fetchall()
    assert len(told) == 24 * DAYS
    for hour_at, fleet in sorted(told)[:-1]:  # the last poll tells no time after it
        if hour_at == truth.breach.starts_at.replace(tzinfo=None):
            continue  # one seems to stand elsewhere
        free = [_standing_free(truth.city, hour_at + timedelta(minutes=m)) for m in range(0, 60, 5)]
        assert fleet == pytest.approx(sum(free) / 12, abs=0.01)


def _standing_free(city: City, at: datetime) -> int:
    states = scooters_at(city, to_seconds(at.replace(tzinfo=UTC)))
    return sum(not state.is_ridden and state.place.hub is None for state in states)


def _in_marts(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(tzinfo=None) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
