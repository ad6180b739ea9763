"""What goes wrong about devices shows in what they send, and only there."""

from collections import Counter
from datetime import date
from itertools import pairwise

import orjson
import pytest

from simulator.city import City
from simulator.device_faults import DRAIN_AN_HOUR, DeviceFault, device_faults
from simulator.events import LATENESS_S, OFFLINE, deliveries

DAY = date(2026, 10, 17)


@pytest.fixture(scope="module")
def city() -> City:
    return City(7, date(2026, 10, 16), 24)


@pytest.fixture(scope="module")
def struck(city):
    return {one.kind: one for one in device_faults(city, DAY)}


@pytest.fixture(scope="module")
def sent(city):
    """What can be read of the day's events, with the seconds at which they happened."""
    read = []
    for one in deliveries(city, DAY):
        try:
            read.append((one, orjson.loads(one.line)))
        except orjson.JSONDecodeError:
            assert one.kind == "cut_line"
    return read


def of(sent, device_id, *types):
    return [
        (one.occurred_at, event)
        for one, event in sorted(sent, key=lambda pair: pair[0].occurred_at)
        if event.get("device_id") == device_id and event["event_type"] in types
    ]


def test_a_day_has_one_fault_of_each_kind_and_the_same_ones_again(city, struck):
    assert set(struck) == set(DeviceFault)
    again = City(7, date(2026, 10, 16), 24)
    assert device_faults(again, DAY) == device_faults(city, DAY)


def test_a_silent_station_sends_no_heartbeat_while_it_is_silent(struck, sent):
    fault = struck[DeviceFault.HEARTBEAT_LOST]
    beats = [at for at, _ in of(sent, fault.object_id, "heartbeat")]
    assert not any(fault.holds_at(at) for at in beats)
    assert any(at < fault.starts_at for at in beats)
    assert any(at >= fault.ends_at for at in beats)


def test_bikes_that_a_dock_does_not_take_go_into_the_next_one(struck, sent):
    fault = struck[DeviceFault.DOCK_NOT_LOCKING]
    told = of(sent, fault.object_id, "dock_lock_failed", "dock_locked")
    failed = [event for at, event in told if event["event_type"] == "dock_lock_failed"]
    assert len(failed) >= 3
    assert not any(fault.holds_at(at) for at, event in told if event["event_type"] == "dock_locked")
    locked = Counter(
        event["vehicle_id"]
        for one, event in sent
        if event["event_type"] == "dock_locked"
        and event.get("station_id") == fault.object_id.split("/")[0]
    )
    assert sum(event["vehicle_id"] in locked for event in failed) >= len(failed) - 1  # or soiled


def test_a_battery_that_is_drained_falls_by_the_hour(struck, sent):
    fault = struck[DeviceFault.BATTERY_DROP]
    told = [
        event["battery_percent"]
        for at, event in of(sent, fault.object_id, "battery")
        if fault.holds_at(at) and isinstance(event["battery_percent"], float)
    ]
    steps = [round(before - after, 1) for before, after in pairwise(told)]
    assert steps
    assert set(steps) <= {round(100 * DRAIN_AN_HOUR * n, 1) for n in (1, 2, 3)}


def test_a_scooter_that_is_pushed_away_is_not_unlocked(struck, sent):
    fault = struck[DeviceFault.UNRENTED_MOVE]
    told = of(sent, fault.object_id, "position", "unlocked", "collected")
    meanwhile = [event["event_type"] for at, event in told if fault.holds_at(at)]
    assert meanwhile.count("position") >= 6
    assert set(meanwhile) == {"position"}


def test_what_waited_for_the_gateway_comes_at_once_and_is_told(struck, sent):
    fault = struck[DeviceFault.LATE_EVENTS]
    waited = [one for one, _ in sent if one.kind == OFFLINE]
    assert len(waited) > 20
    for one in waited:
        assert one.received_at - one.occurred_at > LATENESS_S
        assert 0 <= one.received_at - fault.ends_at < 10
    kept = [
        one
        for one, event in sent
        if event.get("device_kind") == "dock" and fault.holds_at(one.occurred_at) and not one.kind
    ]
    assert all(one.received_at > fault.ends_at for one in kept)
