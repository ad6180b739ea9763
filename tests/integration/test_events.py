"""Device events of the simulated city, from its files to the mart, against what was truly sent."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import pyarrow.parquet as pq
import pytest

from simulator.city import SYSTEM_ID
from simulator.events import AHEAD, DIRT, LATE, OFFLINE, QUARANTINED, deliveries
from simulator.moments import midnight, to_datetime


def naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


@pytest.fixture(scope="module")
def planted(city):
    """What the ledger says is wrong about events in the files."""
    tables = sorted((city.world.home / "ledger").glob("events-*.parquet"))
    return [row for table in tables for row in pq.read_table(table).to_pylist()]


def test_every_event_counts_once_as_it_was_first_received(published, city):
    days = [file.name[7:17] for file in city.events]
    end = midnight(datetime.fromisoformat(days[-1]).date() + timedelta(days=1))
    sent = [
        one
        for day in days
        for one in deliveries(city.world.city, datetime.fromisoformat(day).date())
        if one.received_at < end and DIRT.get(str(one.kind)) != QUARANTINED
    ]
    true = {}
    for one in sorted(sent, key=lambda one: -one.received_at):  # the first one last
        told = orjson.loads(one.line)
        true[one.event_id] = (
            told["device_kind"],
            told["event_type"],
            told.get("battery_percent"),
            naive(datetime.fromisoformat(told["occurred_at"])),
            naive(to_datetime(one.received_at)),
        )
    found = published.ask(
        "select event_id, device_kind, event_type, battery_percent, occurred_at, received_at "
        f"from fct_device_event where system_id = '{SYSTEM_ID}'"
    )
    assert len(found) == len(true) > 1000
    assert {row[0]: row[1:] for row in found} == true


def test_what_is_wrong_about_an_event_is_told_and_nothing_else_is(published, planted):
    assert {row["kind"] for row in planted} == {*DIRT, OFFLINE}
    for flag, expected in (("is_late", LATE), ("is_clock_ahead", AHEAD)):
        told = published.ask(f"select event_id from fct_device_event where {flag}")
        assert {event_id for (event_id,) in told} == {
            row["event_id"] for row in planted if row["expected"] == expected
        }
    dead = published.bronze(
        f"select origin, cast(position as bigint), reason from "
        f"delta_scan('{published.home}/lake/raw/dead_letter') where origin like 'events-%'"
    )
    assert {(origin, position) for origin, position, _ in dead} == {
        (row["file"], row["line"]) for row in planted if row["expected"] == QUARANTINED
    }
    assert {reason for *_, reason in dead} == {
        "not JSON",
        "device_id is missing",
        "occurred_at is absurd",
        "occurred_at is no time with a zone",
    }


def test_events_of_stations_and_docks_have_their_station(published):
    stations = "select count(*) from fct_device_event left join dim_station using (station_sk)"
    lost = "device_kind <> 'vehicle' and station_id is null"
    assert published.ask(f"{stations} where {lost}") == [(0,)]
    other = "device_kind = 'station' and device_id <> station_id"
    assert published.ask(f"{stations} where {other}") == [(0,)]
    docks = published.ask(
        "select count(distinct station_sk), count(distinct station_ref) from fct_device_event "
        "where device_kind = 'dock'"
    )
    assert docks[0][0] == docks[0][1] > 1


def test_no_line_is_lost_on_landing(published, city):
    (counts,) = published.bronze(
        "select count(*), sum(received), sum(accepted), sum(known), sum(quarantined) "
        "from bronze.stg_imports__file where scope like 'events:%'"
    )
    files, received, accepted, known, quarantined = counts
    assert files == len(city.events)
    assert received == accepted + quarantined
    assert known == 0
