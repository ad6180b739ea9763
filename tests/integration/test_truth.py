"""What the platform says of a city whose feeds do everything wrong, against the city's ledger."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from simulator import City, FaultKind, all_faults, shortages
from simulator.faults import MANNERS
from simulator.faults.information import MOVE_M
from simulator.moments import to_seconds
from simulator.riders import TIMEZONE
from simulator.states import StationStates

SYSTEM = "port_aurora"
SEED, STATIONS, DAYS, EVERY_S = 5, 20, 12, 120
STARTED_ON = date(2026, 10, 16)  # clocks are put back on the 25th
VERSIONS = ("1.1", "2.3", "3.0")
STATUS, INFORMATION, VEHICLES = "station_status", "station_information", "free_bike_status"

CLUSTER_M = 1609.344 / 3
ROUNDING = 1e-6  # minutes

UNANSWERED = {
    FaultKind.EMPTY_BODY,
    FaultKind.TRUNCATED_JSON,
    FaultKind.HTML_BODY,
    FaultKind.HTTP_500,
    FaultKind.HTTP_404,
}
"""Faults under which a poll brings nothing of use."""

UNPOLLED = {FaultKind.GAP, FaultKind.TIMEOUT}
"""Faults under which nothing is recorded."""

LYING = {
    FaultKind.STALE_FEED,
    FaultKind.FROZEN_FEED,
    FaultKind.MISSING_REQUIRED_FIELD,
    FaultKind.ID_FORMAT_CHANGE,
    FaultKind.MISSING_STATUS,
    FaultKind.NEGATIVE_COUNT,
    FaultKind.GHOST_BIKES,
    FaultKind.STALE_LAST_REPORTED,
    FaultKind.FLAG_LATTICE,
    FaultKind.FROZEN_STATION,
    FaultKind.FULL_AND_EMPTY,
}
"""Faults under which a station's counts or flags are not what they truly are, or not there."""

FOUND_AFTER = {
    "R5": timedelta(minutes=5),
    "R7": timedelta(minutes=30),
    "R21": timedelta(hours=1),
    "R24": timedelta(days=1),
}
"""How long something must last before it breaks a rule."""

ALSO = {
    (FaultKind.HTML_BODY, "R6"): "three polls in a row are a gap",
    (FaultKind.HTTP_404, "R6"): "twenty minutes without an answer are a gap",
    (FaultKind.LAST_UPDATED_REGRESS, "R5"): "a clock that is late makes its document old",
    (FaultKind.FROZEN_FEED, "R21"): "after an hour every station's report is old",
    (FaultKind.FROZEN_FEED, "R27"): "the hub's vehicles go on in their own feed",
    (FaultKind.INTEGER_BOOLEANS, "R1"): "a flag of the wrong type is mistyped",
    (FaultKind.VERSION_SWITCH, "R1"): "under the old label fields have the new names and types",
    (FaultKind.ID_FORMAT_CHANGE, "R13"): "every station seems to go, and others to come",
    (FaultKind.NEGATIVE_COUNT, "R18"): "the sum lacks the docks that are there",
    (FaultKind.FULL_AND_EMPTY, "R18"): "nothing adds up to no docks at all",
    (FaultKind.GEOFENCE_BREACH, "R26"): "the vehicle seems to travel out and back under one id",
}
"""What a kind of fault brings along besides the rule meant for it, and why."""

FLAPS = {
    FaultKind.ZERO_COORDINATES,
    FaultKind.ZERO_CAPACITY,
    FaultKind.STATION_FLAP,
    FaultKind.ID_FORMAT_CHANGE,
    FaultKind.RENAME_AND_BACK,
    FaultKind.CAPACITY_OSCILLATION,
}
"""Faults under which the station list says something else for a while."""


@dataclass(frozen=True)
class Planted:
    """A fault as the ledger has it."""

    kind: FaultKind
    rule: str
    feed: str
    feeds: frozenset[str]
    stations: frozenset[str]
    starts_at: datetime
    ends_at: datetime

    def holds_at(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at


@dataclass(frozen=True)
class Truth:
    """The city, its ledger and its recording; times are UTC without a zone, as in the marts."""

    recorded: Any
    faults: tuple[Planted, ...]

    @property
    def city(self) -> City:
        return self.recorded.city

    @property
    def docked(self) -> set[str]:
        return {station.station_id for station in self.city.stations}

    def fault(self, kind: FaultKind) -> Planted:
        return next(fault for fault in self.faults if fault.kind is kind)

    def polls(self, feed: str) -> list[datetime]:
        """Return the moments at which a feed was asked."""
        return self.recorded.polls(feed)

    def usable_polls(self, feed: str) -> list[datetime]:
        """Return those that brought a document."""
        silent = [
            fault
            for fault in self.faults
            if fault.kind in UNANSWERED | UNPOLLED and feed in fault.feeds
        ]
        return [at for at in self.polls(feed) if not any(one.holds_at(at) for one in silent)]

    def is_lied_about(self, station_id: str, since: datetime, until: datetime) -> bool:
        """Tell whether a fault hides how a station truly is within a time, both ends included."""
        return any(
            fault.starts_at <= until and since < fault.ends_at
            for fault in self.faults
            if fault.kind in LYING and (station_id in fault.stations or not fault.stations)
        )


@pytest.fixture(scope="module")
def truth(record_city) -> Truth:
    city = City(SEED, STARTED_ON, STATIONS)
    since = datetime.combine(STARTED_ON, datetime.min.time(), UTC)
    faults = all_faults(SEED, since, since + timedelta(days=DAYS))
    recorded = record_city(city, DAYS, EVERY_S, faults)
    rows = pq.read_table(recorded.ledger / "faults.parquet").to_pylist()
    planted = [
        Planted(
            kind=FaultKind(row["kind"]),
            rule=row["expected_rule"],
            feed=row["feed"],
            feeds=frozenset(row["feeds"]),
            stations=frozenset(row["station_ids"]),
            starts_at=row["starts_at"].replace(tzinfo=None),
            ends_at=row["ends_at"].replace(tzinfo=None),
        )
        for row in rows
    ]
    assert {fault.kind for fault in planted} == set(FaultKind)
    return Truth(recorded, tuple(planted))


@pytest.fixture(scope="module")
def told(truth, record_city, new_workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published marts of that city, and of another one that speaks three versions."""
    space = new_workspace("truth")
    space.land(SYSTEM, truth.recorded)
    sound = City(SEED, STARTED_ON, STATIONS)
    for version in VERSIONS:
        space.land(f"sound_{version}", record_city(sound, 2, EVERY_S, version=version))
    space.build()
    with space.marts() as marts:
        marts.execute(f"attach '{space.home / 'warehouse.duckdb'}' as warehouse (read_only)")
        yield marts


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=f"{kind}-{MANNERS[kind].rule}") for kind in FaultKind]
)
def test_every_planted_fault_is_found_by_the_rule_meant_for_it(truth, told, kind):
    fault = truth.fault(kind)
    if fault.rule == "flap":
        found = told.execute(
            "select distinct station_id from warehouse.silver.int_stations__listing_changes "
            "where change_reason = 'flap' and first_seen_at >= ? and first_seen_at < ?",
            [fault.starts_at, fault.ends_at],
        ).fetchall()
        assert {station for (station,) in found} == fault.stations
        return
    found = told.execute(
        "select object_kind, object_id, found_on, first_found_at, last_found_at "
        "from fct_quality_finding where system_id = ? and rule_id = ?",
        [SYSTEM, fault.rule],
    ).fetchall()
    for thing in _struck(fault):
        days = {
            on
            for *named, on, first, last in found
            if tuple(named) == thing and first < fault.ends_at and last >= fault.starts_at
        }
        assert days >= _days_of(truth, fault), (thing, fault)


def test_nothing_is_found_that_no_fault_explains(truth, told):
    found = told.execute(
        "select system_id, rule_id, object_kind, object_id, found_on, evidence "
        "from fct_quality_finding"
    ).fetchall()
    assert {system for system, *_ in found} == {SYSTEM}
    stray = [row for row in found if not any(_explains(truth, one, row) for one in truth.faults)]
    assert stray == []


def test_what_faults_bring_along_is_found_as_well(truth, told):
    """Or the list of what they explain would be longer than it has to be."""
    found = told.execute(
        "select system_id, rule_id, object_kind, object_id, found_on, evidence "
        "from fct_quality_finding"
    ).fetchall()
    idle = [
        (kind, rule)
        for kind, rule in ALSO
        if not any(row[1] == rule and _explains(truth, truth.fault(kind), row) for row in found)
    ]
    assert idle == []


def test_what_came_and_went_makes_no_version_of_a_station(truth, told):
    moved = truth.fault(FaultKind.SAME_ID_MOVE)
    versions = told.execute(
        "select station_id, change_reason, valid_from from dim_station "
        "where system_id = ? and not is_inferred order by station_id, version_number",
        [SYSTEM],
    ).fetchall()
    listed = truth.docked | {hub.station_id for hub in truth.city.hubs}
    reasons = [(station, reason) for station, reason, _ in versions]
    assert Counter(reasons) == Counter(
        [(station, "open") for station in listed]
        + [(station, "move") for station in moved.stations]
    )
    begun = next(valid_from for _, reason, valid_from in versions if reason == "move")
    assert moved.starts_at <= begun <= moved.starts_at + timedelta(hours=1)

    flaps = dict(
        told.execute(
            "select station_id, sum(flaps) from dim_station "
            "where system_id = ? and not is_inferred group by station_id",
            [SYSTEM],
        ).fetchall()
    )
    flapping = {one for kind in FLAPS for one in truth.fault(kind).stations} & listed
    assert {station for station, count in flaps.items() if count} == flapping


def test_stations_are_what_and_where_they_truly_are(truth, told):
    rows = told.execute(
        "select station_id, station_name, short_name, region_id, is_virtual, capacity, lat, lon, "
        "moved_m from dim_station where system_id = ? and is_current and is_listed",
        [SYSTEM],
    ).fetchall()
    city = truth.city
    true = {
        one.station_id: (one.name, one.short_name, one.region_id, False, one.capacity)
        for one in city.stations
    } | {hub.station_id: (hub.name, hub.short_name, hub.region_id, True, None) for hub in city.hubs}
    places = {one.station_id: (one.lat, one.lon) for one in (*city.stations, *city.hubs)}
    assert {station: tuple(said) for station, *said, _, _, _ in rows} == true
    moved = truth.fault(FaultKind.SAME_ID_MOVE).stations
    for station, *_, lat, lon, moved_m in rows:
        away_m = _metres(places[station], (lat, lon))
        if station in moved:
            assert MOVE_M[0] - 1 <= away_m <= MOVE_M[1] + 1
            assert moved_m == pytest.approx(away_m, abs=1)
        else:
            assert away_m < 0.2


def test_every_poll_of_use_is_known_as_one_and_no_other(truth, told):
    for feed in (STATUS, INFORMATION, VEHICLES):
        usable = told.execute(
            "select fetched_at from fct_feed_fetch where system_id = ? and feed = ? and is_usable "
            "order by 1",
            [SYSTEM, feed],
        ).fetchall()
        assert [at for (at,) in usable] == truth.usable_polls(feed)


def test_states_are_the_true_ones_at_every_poll(truth, told):
    """Each station at each poll of use, but for times in which its feed hid how it was."""
    index = {station.station_id: number for number, station in enumerate(truth.city.stations)}
    polls = truth.usable_polls(STATUS)
    states, counts = StationStates(truth.city), []
    for at in polls:
        states.move_to(to_seconds(at.replace(tzinfo=UTC)))
        counts.append(states.counts.copy())
    true = np.array(counts)
    capacity = np.array([station.capacity for station in truth.city.stations])
    rows = told.execute(
        "select station_id, started_at, last_observed_at, observations, vehicles_available, "
        "vehicles_disabled, docks_available, is_installed and is_renting and is_returning "
        "from fct_station_state where system_id = ?",
        [SYSTEM],
    ).fetchall()
    number = {at: place for place, at in enumerate(polls)}
    seen = np.zeros(true.shape[:2], dtype=int)
    wrong = []
    for station, since, until, observations, ready, disabled, docks, serves in rows:
        if station not in index or truth.is_lied_about(station, since, until):
            continue
        place, polled = index[station], slice(number[since], number[until] + 1)
        seen[polled, place] += 1
        classic, electric, broken = true[polled, place].T
        same = (
            (classic + electric == ready)
            & (broken == disabled)
            & (capacity[place] - classic - electric - broken == docks)
        )
        if not (serves and same.all() and len(same) == observations):
            wrong.append((station, since, until))
    assert wrong == []
    assert seen.max() == 1
    hidden = [
        (at, station.station_id)
        for at, row in zip(polls, seen, strict=True)
        for station, times in zip(truth.city.stations, row, strict=True)
        if not times
    ]
    assert len(hidden) < 0.05 * seen.size
    # an interval counts as hidden where a part of it is
    states_lied = {
        (station, at)
        for station, since, until, *_ in rows
        if truth.is_lied_about(station, since, until)
        for at in polls[number[since] : number[until] + 1]
    }
    unseen = [
        (at, station)
        for at, station in hidden
        if (station, at) not in states_lied and not truth.is_lied_about(station, at, at)
    ]
    assert unseen == []


def test_true_outage_minutes_lie_within_the_bounds_told(truth, told, true_outages):
    polls = truth.usable_polls(STATUS)
    true = true_outages(truth.recorded, polls)
    rows = _outages(told, SYSTEM)
    assert {state for _, state, *_ in rows} >= {"empty", "full"}
    compared, unbounded, wrong = Counter(), 0, []
    for station, state, _, lo, hi, first, last, before, after in rows:
        if station not in truth.docked or state not in ("empty", "full"):
            continue
        if truth.is_lied_about(station, before or first, after or last):
            continue
        compared[state] += 1
        unbounded += hi is None
        episode = true.at(station, state, first)
        minutes = episode and (episode.ended_at - episode.started_at) / timedelta(minutes=1)
        if minutes is None or not lo <= minutes <= (math.inf if hi is None else hi):
            wrong.append((station, state, lo, minutes, hi, first, last))
    assert wrong == []
    assert min(compared["empty"], compared["full"]) > 500
    assert unbounded < 0.05 * compared.total()


def test_every_true_outage_that_was_polled_is_told(truth, told, true_outages):
    """All its polls are observations of outages of that station and state, and of nothing else."""
    polls = truth.usable_polls(STATUS)
    step = timedelta(seconds=EVERY_S)
    rows = _outages(told, SYSTEM)
    true = true_outages(truth.recorded, polls)
    observed: Counter[object] = Counter()
    for station, state, observations, *_, first, _, _, _ in rows:
        episode = true.at(station, state, first)
        if episode is not None:
            observed[episode] += observations
    compared, missed = 0, []
    for episode in true:
        if truth.is_lied_about(episode.station_id, episode.started_at - step, episode.ended_at):
            continue
        compared += 1
        if observed[episode] != true.polls_in(episode):
            missed.append((episode, observed[episode], true.polls_in(episode)))
    assert missed == []
    assert compared > 1_000


def test_clusters_are_the_stations_truly_around_each(truth, told):
    """Where none has moved; the city that speaks 2.3 and tells no lies."""
    places = [(one.station_id, (one.lat, one.lon)) for one in truth.city.stations]
    for anchor, place in places:
        near = sorted(
            (_metres(place, other), station) for station, other in places if station != anchor
        )
        within = [station for metres, station in near if metres <= CLUSTER_M]
        true = within if len(within) >= 3 else [station for _, station in near[:3]]
        rows = told.execute(
            "select members.station_id from bridge_station_cluster as members "
            "inner join dim_cluster as clusters using (cluster_version_sk) "
            "where members.system_id = 'sound_2.3' and clusters.anchor_station_id = ? "
            "and not members.is_anchor",
            [anchor],
        ).fetchall()
        assert {station for (station,) in rows} == set(true)


def test_true_minutes_of_clauses_lie_within_the_bounds_told(truth, told):
    """Of every outage told the true minutes, and those beyond what the rule allows."""
    true = _true_cluster_outages(truth, told)
    compared, certain, wrong = Counter(), 0.0, []
    for rule, grace, cluster, state, since, until, *bounds in told.execute(
        "select outages.rule_id, rules.grace_minutes, outages.cluster_sk, outages.state, "
        "outages.started_at, outages.ended_at, outages.minutes_lo, outages.minutes_hi, "
        "outages.beyond_grace_minutes_lo, outages.beyond_grace_minutes_hi "
        "from fct_cluster_outage as outages inner join dim_sla_rule as rules using (sla_rule_sk) "
        "where outages.system_id = ?",
        [SYSTEM],
    ).fetchall():
        if true.is_lied_about(cluster, since, until):
            continue
        lo, hi, beyond_lo, beyond_hi = bounds
        lasted = [
            (min(ended, until) - max(began, since)) / timedelta(minutes=1)
            for began, ended in true.outages[rule, cluster, state]
            if began < until and ended > since
        ]
        beyond = sum(max(0, minutes - grace) for minutes in lasted)
        compared[rule, state] += 1
        certain += beyond_lo
        if not (
            lo - ROUNDING <= sum(lasted) <= hi + ROUNDING
            and beyond_lo - ROUNDING <= beyond <= beyond_hi + ROUNDING
        ):
            wrong.append((rule, cluster, state, since, until, bounds, lasted))
    assert wrong == []
    assert {rule for rule, _ in compared} == {"BAY-12", "NYC-11"}
    assert compared.total() > 200
    assert certain > 60


def test_every_true_outage_beyond_a_clause_lies_in_one_that_is_told(truth, told):
    true = _true_cluster_outages(truth, told)
    rows = defaultdict(list)
    for rule, cluster, state, since, until in told.execute(
        "select rule_id, cluster_sk, state, started_at, ended_at from fct_cluster_outage "
        "where system_id = ?",
        [SYSTEM],
    ).fetchall():
        rows[rule, cluster, state].append((since, until))
    compared, missed = 0, []
    for key, outages in true.outages.items():
        for began, ended in outages:
            if true.is_lied_about(key[1], began, ended):
                continue
            if (ended - began) / timedelta(minutes=1) <= true.grace_minutes[key[0]]:
                continue
            compared += 1
            if not any(since <= began and ended <= until for since, until in rows[key]):
                missed.append((key, began, ended))
    assert missed == []
    assert compared > 50


def test_gaps_are_those_of_the_ledger(truth, told):
    """Each begins with the last poll of use before a fault and ends with the first one after."""
    rows = told.execute(
        "select feed, kind, started_at, ended_at from fct_feed_gap "
        "where system_id = ? and kind in ('unpolled', 'unanswered')",
        [SYSTEM],
    ).fetchall()
    true = set()
    for feed in (STATUS, VEHICLES, INFORMATION):
        polls = truth.usable_polls(feed)
        for before, after in pairwise(polls):
            if (after - before).total_seconds() > 3 * truth.recorded.every_s[feed]:
                kinds = {fault.kind for fault in truth.faults if before < fault.starts_at < after}
                true.add((feed, "unpolled" if kinds & UNPOLLED else "unanswered", before, after))
    assert set(rows) == true
    gap = truth.fault(FaultKind.GAP)
    told_minutes = {
        feed: (after - before) / timedelta(minutes=1)
        for feed, _, before, after in rows
        if before < gap.starts_at < after
    }
    true_minutes = (gap.ends_at - gap.starts_at) / timedelta(minutes=1)
    assert told_minutes[STATUS] == pytest.approx(true_minutes, abs=EVERY_S / 60)
    assert VEHICLES in told_minutes


def test_a_stale_and_a_frozen_feed_are_told_for_as_long_as_they_were(truth, told):
    poll = timedelta(seconds=EVERY_S)
    for kind, condition in ((FaultKind.STALE_FEED, "stale"), (FaultKind.FROZEN_FEED, "frozen")):
        fault = truth.fault(kind)
        ((began, ended),) = told.execute(
            "select started_at, ended_at from fct_feed_gap where system_id = ? and kind = ? "
            "and started_at >= ? and started_at < ?",
            [SYSTEM, condition, fault.starts_at, fault.ends_at],
        ).fetchall()
        known_after = fault.starts_at + FOUND_AFTER[fault.rule]
        assert known_after <= began <= known_after + 2 * poll
        assert fault.ends_at <= ended <= fault.ends_at + poll


def test_the_days_of_a_feed_have_its_true_minutes(truth, told):
    days = told.execute(
        "select fetched_on, up_minutes, down_minutes, unpolled_minutes, coverage_pct, uptime_pct "
        "from mart_feed_quality_day where system_id = ? and feed = ?",
        [SYSTEM, STATUS],
    ).fetchall()
    assert len(days) == DAYS
    long = timedelta(seconds=2 * EVERY_S)
    for on, up, down, unpolled, coverage_pct, uptime_pct in days:
        true_down = _minutes_on(on, truth.faults, UNANSWERED, long)
        true_unpolled = _minutes_on(on, truth.faults, UNPOLLED, long)
        faults = sum(
            fault.kind in UNANSWERED | UNPOLLED
            and on in (fault.starts_at.date(), fault.ends_at.date())
            for fault in truth.faults
        )
        slack = (2 * faults + 1) * EVERY_S / 60
        assert down == pytest.approx(true_down, abs=slack)
        assert unpolled == pytest.approx(true_unpolled, abs=slack)
        assert up + down + unpolled == pytest.approx(1440)
        assert coverage_pct == pytest.approx(100 * up / 1440)
        if up + down < 0.9 * 1440:
            assert uptime_pct is None
        else:
            assert uptime_pct == pytest.approx(100 * (1 - true_down / 1440), abs=slack / 14.4)


def test_observations_go_on_without_loss_over_a_switch_of_version(truth, told):
    noon, hour = truth.fault(FaultKind.VERSION_SWITCH).starts_at, timedelta(hours=1)
    assert noon.hour == 12
    polls = told.execute(
        "select fetched_at, items, major_version_detected from fct_feed_fetch "
        "where system_id = ? and feed = ? and fetched_at between ? and ? order by 1",
        [SYSTEM, STATUS, noon - hour, noon + hour],
    ).fetchall()
    assert [at for at, _, _ in polls] == [
        at for at in truth.polls(STATUS) if noon - hour <= at <= noon + hour
    ]
    assert {items for _, items, _ in polls} == {STATIONS + len(truth.city.hubs)}
    assert all(version == ("3" if at >= noon else "2") for at, _, version in polls)

    beside = told.execute(
        """
        select
            earlier.station_id,
            earlier.ended_at = noon.at and later.previous_observed_at = earlier.last_observed_at
            and not earlier.is_censored_right and not later.is_censored_left
        from (select cast(? as timestamp) as at) as noon
        cross join fct_station_state as earlier
        inner join fct_station_state as later
            on earlier.system_id = later.system_id
            and earlier.station_id = later.station_id
            and later.started_at = noon.at
        where earlier.system_id = ? and earlier.last_observed_at = ?
        """,
        [noon, SYSTEM, truth.polls(STATUS)[truth.polls(STATUS).index(noon) - 1]],
    ).fetchall()
    assert {station for station, _ in beside} >= truth.docked
    assert all(joined for _, joined in beside)

    over_noon = [row for row in _outages(told, SYSTEM) if row[5] < noon <= row[6]]
    assert over_noon


def test_a_city_says_the_same_in_every_version(truth, told):
    said = {
        version: told.execute(
            "select station_id, started_at, last_observed_at, observations, state, "
            "vehicles_available, vehicles_disabled, docks_available, is_installed, is_renting, "
            "is_returning from fct_station_state "
            "where system_id = ? and docks_available is not null order by all",
            [f"sound_{version}"],
        ).fetchall()
        for version in VERSIONS
    }
    assert {row[0] for row in said["2.3"]} == truth.docked
    assert len(said["2.3"]) > 2_000
    assert said["1.1"] == said["2.3"]
    assert said["3.0"] == said["2.3"]


Times = list[tuple[datetime, datetime]]


@dataclass(frozen=True)
class TrueClusterOutages:
    """When no station of a cluster truly had a bike, or a free dock, within a rule's window.

    Attributes:
        outages: by rule, cluster and state.
        grace_minutes: by rule.
        members: the stations that were ever in a cluster.
    """

    truth: Truth
    outages: dict[tuple[str, str, str], Times]
    grace_minutes: dict[str, float]
    members: dict[str, set[str]]

    def is_lied_about(self, cluster: str, since: datetime, until: datetime) -> bool:
        """Tell whether a fault hides how one of its stations truly is, then or a poll beside."""
        poll = timedelta(seconds=EVERY_S)
        return any(
            self.truth.is_lied_about(station, since - poll, until + poll)
            for station in self.members[cluster]
        )


def _true_cluster_outages(truth: Truth, told: duckdb.DuckDBPyConnection) -> TrueClusterOutages:
    """Make them of the city's own log, for the clusters as they are told.

    As with outages of a station, what lies between two polls cannot be seen: a shortage is as long
    as polls could tell it apart.
    """
    polls = truth.usable_polls(STATUS)
    lacking: dict[tuple[str, str], Times] = defaultdict(list)
    for one in shortages(truth.city, truth.recorded.since, truth.recorded.until):
        began, ended = one.started_at.replace(tzinfo=None), one.ended_at.replace(tzinfo=None)
        known = lacking[one.station_id, one.supply]
        if known and bisect_left(polls, known[-1][1]) == bisect_left(polls, began):
            known[-1] = (known[-1][0], ended)
        else:
            known.append((began, ended))
    seen = {
        key: [one for one in times if bisect_left(polls, one[0]) < bisect_left(polls, one[1])]
        for key, times in lacking.items()
    }
    versions: dict[tuple[str, datetime, datetime], set[str]] = defaultdict(set)
    for cluster, since, until, station in told.execute(
        "select cluster_sk, valid_from, valid_to, station_id from bridge_station_cluster "
        "where system_id = ?",
        [SYSTEM],
    ).fetchall():
        versions[cluster, since, until or polls[-1]].add(station)
    rules = told.execute(
        "select rule_id, window_from_hour, window_to_hour, grace_minutes from dim_sla_rule "
        "where system_id = ? and kind like 'cluster_outage_%'",
        [SYSTEM],
    ).fetchall()
    outages: dict[tuple[str, str, str], Times] = defaultdict(list)
    for (cluster, since, until), stations in sorted(versions.items()):
        for supply, state in (("bikes", "empty"), ("docks", "full")):
            times = [(max(since, polls[0]), min(until, polls[-1]))]
            for station in stations:
                times = _common(times, seen.get((station, supply), []))
            for rule, from_hour, to_hour, _ in rules:
                told_so_far = outages[rule, cluster, state]
                for began, ended in _common(times, _windows(from_hour, to_hour)):
                    if told_so_far and told_so_far[-1][1] == began:
                        told_so_far[-1] = (told_so_far[-1][0], ended)
                    else:
                        told_so_far.append((began, ended))
    members: dict[str, set[str]] = defaultdict(set)
    for (cluster, _, _), stations in versions.items():
        members[cluster] |= stations
    return TrueClusterOutages(truth, outages, {rule: grace for rule, *_, grace in rules}, members)


def _windows(from_hour: int, to_hour: int) -> Times:
    """Return when a rule holds, day by day, by the city's clock; whole days are one time."""
    zone = ZoneInfo(TIMEZONE)
    times: Times = []
    for number in range(-1, DAYS + 1):
        day = datetime.combine(STARTED_ON + timedelta(days=number), datetime.min.time(), zone)
        began, ended = (
            (day + timedelta(hours=hour)).astimezone(UTC).replace(tzinfo=None)
            for hour in (from_hour, to_hour)
        )
        if times and times[-1][1] == began:
            times[-1] = (times[-1][0], ended)
        else:
            times.append((began, ended))
    return times


def _common(one: Times, other: Times) -> Times:
    """Return the times that lie in both; each in order, without overlap."""
    common, place = [], 0
    for began, ended in one:
        while place and other[place - 1][1] > began:
            place -= 1
        while place < len(other) and other[place][0] < ended:
            if other[place][1] > began:
                common.append((max(began, other[place][0]), min(ended, other[place][1])))
            place += 1
    return common


def _struck(fault: Planted) -> list[tuple[str, str]]:
    """Return what the rule meant for a fault should name: a kind of object, and its id."""
    if fault.stations and fault.rule not in ("R1", "R13", "R14"):
        return [("station", station) for station in fault.stations]
    if fault.kind is FaultKind.GAP:
        return [("feed", STATUS), ("feed", VEHICLES)]
    if fault.kind is FaultKind.VERSION_SWITCH:
        return [("feed", STATUS), ("feed", INFORMATION)]
    return [("feed", fault.feed)]


def _days_of(truth: Truth, fault: Planted) -> set[date]:
    """Return the days on which a fault should be found by the rule meant for it."""
    seen = [at for at in truth.polls(fault.feed) if fault.holds_at(at)]
    match fault.rule:
        case "R6":
            return {min(at for at in truth.polls(STATUS) if at >= fault.ends_at).date()}
        case "R11" | "R13" | "R14":
            return {seen[0].date()}
        case "R2" if fault.kind is FaultKind.VERSION_SWITCH:
            return {seen[0].date()}
    found = fault.starts_at + FOUND_AFTER.get(fault.rule, timedelta())
    return {at.date() for at in seen if at > found} or {seen[0].date()}


def _explains(truth: Truth, fault: Planted, finding: Sequence[Any]) -> bool:
    """Tell whether a finding is what a fault shows as, or brings along."""
    _, rule, object_kind, object_id, found_on, _ = finding
    if rule != fault.rule and (fault.kind, rule) not in ALSO:
        return False
    if object_kind == "feed":
        is_struck = object_id in fault.feeds
    else:
        is_struck = object_id in fault.stations or not fault.stations
    feed = object_id if object_kind == "feed" and is_struck else fault.feed
    last = max([at for at in truth.polls(feed) if fault.holds_at(at)], default=fault.ends_at)
    match rule:
        case "R6" | "R13" | "R14" | "R4":  # told by what comes after
            after = [at for at in truth.polls(feed) if at > last]
            last = after[0] if after else last
        case "R24":
            last += timedelta(days=1)
        case "R11":
            last = fault.starts_at + timedelta(hours=1)
    return is_struck and fault.starts_at.date() <= found_on <= last.date()


def _outages(told: duckdb.DuckDBPyConnection, system: str) -> list[tuple[Any, ...]]:
    return told.execute(
        "select station_id, state, observations, minutes_lo, minutes_hi, first_observed_at, "
        "last_observed_at, previous_observed_at, next_observed_at "
        "from fct_station_outage where system_id = ?",
        [system],
    ).fetchall()


def _minutes_on(
    on: date, faults: Sequence[Planted], kinds: set[FaultKind], longer_than: timedelta
) -> float:
    """Return for how many minutes of a UTC day faults of some kinds lasted, if long enough."""
    begin = datetime.combine(on, datetime.min.time())
    return sum(
        max(
            timedelta(), min(fault.ends_at, begin + timedelta(days=1)) - max(fault.starts_at, begin)
        )
        / timedelta(minutes=1)
        for fault in faults
        if fault.kind in kinds
        and STATUS in fault.feeds
        and fault.ends_at - fault.starts_at > longer_than
    )


def _metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two places (latitude, longitude) that are close to each other."""
    north = math.radians(other[0] - one[0])
    east = math.radians(other[1] - one[1]) * math.cos(math.radians(one[0]))
    return 6_371_000 * math.hypot(north, east)
