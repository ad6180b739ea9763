"""What is wrong about devices of the simulated city is told, for as long as it was, and no more."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow.parquet as pq
import pytest

from ingestion.privacy import pseudonym
from mobilake.secrets import pseudonym_key
from simulator.device_faults import HOUR_S, DeviceFault
from simulator.events import QUARANTINED

OVERDUE = timedelta(hours=2)
"""A device that beats by the hour is found silent from its last beat on, until the next one."""


RIDE = timedelta(hours=3)
"""An event that was lost may explain what follows within such a time."""


@pytest.fixture(scope="module")
def planted(city, published):
    """What went wrong about devices: kind, object as the marts call it, begin and end."""
    key = pseudonym_key(published.home)
    rows = [
        row
        for table in sorted((city.world.home / "ledger").glob("device_faults-*.parquet"))
        for row in pq.read_table(table).to_pylist()
    ]
    return [
        (
            row["kind"],
            pseudonym(row["object_id"], key)
            if row["object_id"].startswith("scooter")
            else row["object_id"],
            row["starts_at"].replace(tzinfo=None),
            row["ends_at"].replace(tzinfo=None),
        )
        for row in rows
    ]


@pytest.fixture(scope="module")
def told(published):
    return published.ask(
        "select kind, object_id, since, ended_at from fct_anomaly where system_id = 'port_aurora'"
    )


@pytest.fixture(scope="module")
def until(published) -> datetime:
    """When the last event was received."""
    ((found,),) = published.ask("select max(received_at) from fct_device_event")
    return found


def meets(fault, anomaly, until: datetime) -> bool:
    kind, object_id, since, ended_at = anomaly
    *named, starts_at, ends_at = fault
    return (
        named == [kind, object_id]
        and since < ends_at + OVERDUE
        and (ended_at or until) > starts_at - OVERDUE
    )


@pytest.fixture(scope="module")
def lost(city, published):
    """Events that could not be read: the device as the marts call it, and when it was."""
    key = pseudonym_key(published.home)
    return [
        (
            pseudonym(row["device_id"], key) if "/" not in row["device_id"] else row["device_id"],
            row["occurred_at"].replace(tzinfo=None),
        )
        for table in sorted((city.world.home / "ledger").glob("events-*.parquet"))
        for row in pq.read_table(table).to_pylist()
        if row["expected"] == QUARANTINED
    ]


@pytest.mark.parametrize("kind", list(DeviceFault))
def test_every_fault_of_a_device_is_found_and_nothing_else_is(planted, told, lost, until, kind):
    """Or nothing that an event which was lost, such as the begin of a ride, does not explain."""
    faults = [fault for fault in planted if fault[0] == kind]
    found = [anomaly for anomaly in told if anomaly[0] == kind]
    assert faults
    missed = [one for one in faults if not any(meets(one, other, until) for other in found)]
    strays = [
        one
        for one in found
        if not any(meets(other, one, until) for other in faults)
        and not any(
            device_id == one[1] and at <= (one[3] or until) and at > one[2] - RIDE
            for device_id, at in lost
        )
    ]
    assert (missed, strays) == ([], [])


def test_an_anomaly_is_told_to_have_lasted_as_long_as_it_did(planted, told, until):
    """Give or take the pace at which devices tell of themselves."""
    pace = {
        DeviceFault.HEARTBEAT_LOST: HOUR_S,
        DeviceFault.BATTERY_DROP: HOUR_S,
        DeviceFault.UNRENTED_MOVE: 600,
    }
    for kind, seconds in pace.items():
        off = timedelta(seconds=seconds)
        for fault in planted:
            for anomaly in told:
                if fault[0] == kind and meets(fault, anomaly, until):
                    assert abs(anomaly[2] - fault[2]) <= off
                    assert abs((anomaly[3] or until) - min(fault[3], until)) <= off


def test_anomalies_name_the_clocks_that_events_show_to_be_ahead(published, told):
    ahead = published.ask(
        "select distinct device_id from fct_device_event where is_clock_ahead "
        "and occurred_on >= (select max(occurred_on) - 7 from fct_device_event)"
    )
    skewed = {object_id for kind, object_id, *_ in told if kind == "clock_skew"}
    assert skewed == {device_id for (device_id,) in ahead}


def test_the_present_is_that_of_the_last_polls(published):
    states = published.ask(
        "with last as (select * from fct_station_state "
        "qualify row_number() over (partition by station_sk order by started_at desc) = 1) "
        "select count(*) from mart_station_now as present join last using (station_sk) "
        "where present.state is distinct from last.state "
        "or present.vehicles_available is distinct from last.vehicles_available "
        "or present.observed_at is distinct from last.ended_at"
    )
    assert states == [(0,)]
    counts = published.ask(
        "select (select count(*) from mart_station_now), (select count(*) from mart_feed_now), "
        "(select count(*) from mart_cluster_now)"
    )
    assert all(count > 5 for count in counts[0])
