"""The simulated weather service and catalogue: their formats, what they err at, how they change."""

from __future__ import annotations

import csv
import io
import json
import urllib.error
import urllib.request
from datetime import UTC, date, datetime, timedelta

import pytest

from simulator.catalogue import document, entries, write_history
from simulator.clock import SimulatedClock
from simulator.moments import midnight
from simulator.server import serving
from simulator.weather_service import SETTLED_S, forecast, weather_faults

DAY = date(2026, 1, 7)
NOW = midnight(DAY) + 12 * 3600
ASKED = ["temperature_2m", "precipitation"]


def told(city, now: int, has_faults: bool = False) -> dict[str, dict[str, float | None]]:
    body = forecast(city, now, DAY - timedelta(days=1), DAY, ASKED, has_faults=has_faults)
    hours = body["hourly"]
    return {
        at: {name: hours[name][place] for name in ASKED} for place, at in enumerate(hours["time"])
    }


def test_a_settled_hour_is_told_as_it_was_and_its_rain_at_the_end(city):
    hours = told(city, NOW + SETTLED_S)
    weather = city.day(DAY).weather
    for hour in range(12):
        assert hours[f"{DAY}T{hour:02}:00"]["temperature_2m"] == weather.temperature_c[hour]
        assert hours[f"{DAY}T{hour + 1:02}:00"]["precipitation"] == weather.rain_mm[hour]


def test_hours_to_come_are_off_and_put_right_later(city):
    early, late = told(city, NOW - 12 * 3600), told(city, NOW + 2 * 86_400)
    last = f"{DAY}T23:00"
    assert early[last] != late[last]
    assert late[last]["temperature_2m"] == city.day(DAY).weather.temperature_c[23]


def test_the_service_errs_at_an_hour_of_each_kind_a_day(city):
    hours, right = told(city, NOW, has_faults=True), told(city, NOW)
    for at, kind in weather_faults(city, DAY).items():
        moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M}"
        assert moment in right
        if kind == "missing_hour":
            assert moment not in hours
        elif kind == "null":
            assert hours[moment]["temperature_2m"] is None
        else:
            assert set(hours[moment].values()) == {-9999.0}


def test_the_catalogue_changes_once_and_loses_a_neighbour(city, tmp_path):
    begin = midnight(city.started_on)
    file = write_history(city, tmp_path, begin + 30 * 86_400)
    changes = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(one["op"], one["system_id"]) for one in changes] == [
        ("upsert", "port_aurora"),
        ("upsert", "port_borealis"),
        ("upsert", "port_aurora"),
        ("delete", "port_borealis"),
    ]
    rows = list(csv.DictReader(io.StringIO(document(city, begin, "http://here"))))
    assert rows == entries(city, begin, "http://here")


def test_both_are_served_beside_the_feeds(city):
    clock = SimulatedClock(datetime.fromtimestamp(NOW, UTC), 1.0, lambda: datetime.now(UTC))
    days = f"start_date={DAY}&end_date={DAY}"
    with serving(city, clock) as url:
        address = f"{url}/v1/forecast?latitude=1&longitude=2&hourly={','.join(ASKED)}&{days}"
        with urllib.request.urlopen(address) as answer:
            body = json.load(answer)
        assert body["hourly_units"]["precipitation"] == "mm"
        assert len(body["hourly"]["time"]) == 24
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(f"{url}/v1/forecast?hourly=snow&{days}")
        with urllib.request.urlopen(f"{url}/systems.csv") as answer:
            assert f"{url}/gbfs.json" in answer.read().decode()
