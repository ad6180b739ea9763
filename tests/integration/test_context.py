"""Weather, the worldwide catalogue and what both bring to the marts, against the ledger."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq

from simulator.weather_service import SETTLED_S

ROOT = Path(__file__).parents[2]
SYSTEM = "port_aurora"
HOUR = timedelta(hours=1)
VARIABLES = ["temperature_2m", "precipitation", "wind_speed_10m", "relative_humidity_2m"]


def ledger(city, table: str) -> list[dict[str, object]]:
    files = sorted((city.world.home / "ledger").glob(f"{table}*.parquet"))
    rows = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
    return [row | {"observed_at": row["observed_at"].replace(tzinfo=None)} for row in rows]


def test_the_weather_is_the_true_one_and_null_just_where_the_service_erred(published, city):
    told = {
        row[0]: row[1:]
        for row in published.ask(
            "select hour_at, temperature_c, precipitation_mm, wind_kmh, humidity_pct, issued_at "
            "from fct_weather_hourly"
        )
    }
    wrong = {row["observed_at"]: row["kind"] for row in ledger(city, "weather_faults")}
    settled, kinds = 0, Counter()
    for true in ledger(city, "weather-"):
        hour = true["observed_at"]
        fault, next_fault = wrong.get(hour), wrong.get(hour + HOUR)
        kinds[fault] += 1
        if fault == "missing_hour":
            assert hour not in told
            continue
        temperature, rain, wind, humidity, issued_at = told[hour]
        assert (temperature is None) == (fault in ("null", "absurd")), hour
        assert (wind is None, humidity is None) == (fault == "absurd", fault == "absurd")
        assert (rain is None) == (next_fault in ("missing_hour", "absurd")), hour
        if issued_at - hour > timedelta(seconds=SETTLED_S) + HOUR:
            settled += 1
            assert temperature in (None, true["temperature_c"])
            assert rain in (None, true["rain_mm"])
            assert wind in (None, true["wind_kmh"])
    assert settled >= 24
    assert all(kinds[kind] > 0 for kind in ("null", "absurd", "missing_hour"))


def test_hours_to_come_are_forecasts_that_say_when_they_were_issued(published, city):
    rows = published.ask(
        "select hour_at, is_forecast, issued_at, temperature_c from fct_weather_hourly"
    )
    asked_at = max(row[2] for row in rows)
    to_come = [row for row in rows if row[0] > asked_at]
    assert len(to_come) >= 36
    assert all(is_forecast for _, is_forecast, _, _ in to_come)
    assert all(not is_forecast for at, is_forecast, _, _ in rows if at + HOUR <= asked_at)
    off = [
        abs(told - city.world.city.day(at.date()).weather.temperature_c[at.hour])
        for at, _, _, told in to_come
        if told is not None
    ]
    assert 0 < sum(off) / len(off) < 5


def test_a_system_is_known_by_its_feed_its_registration_and_the_catalogue(published):
    [row] = published.ask(
        "select system_name, country_code, timezone, versions_supported, is_listed, is_registered, "
        f"poll_interval_s from dim_system where system_id = '{SYSTEM}' and is_current"
    )
    assert row[:3] == ("Port Aurora", "US", "Europe/Lisbon")
    assert row[4:6] == (True, True)
    assert row[3].startswith("1.1 ; 2.3")


def test_a_month_of_the_regulator_is_the_sum_of_its_days(published):
    rows = published.ask(
        """with days as (
               select system_id, date_trunc('month', service_on) as month_on, count(*) as days,
                   sum(observed_minutes) as observed, sum(empty_minutes) as empty,
                   sum(station_minutes) as due
               from mart_system_day group by all
           )
           select months.observed_minutes - days.observed, months.empty_minutes_lo - days.empty,
               months.due_minutes - days.due, months.service_days - days.days, months.trips
           from mart_regulator_monthly_report as months
           inner join days using (system_id, month_on)"""
    )
    assert rows
    for *differences, trips in rows:
        assert all(abs(difference) < 1e-3 for difference in differences)
        assert trips is None  # no trip file was imported


def test_dimensions_are_what_the_feeds_list(published, city):
    listed = Counter(
        dict(
            published.ask(
                "select vehicle_type_id, version_number from dim_vehicle_type where is_current"
            )
        )
    )
    assert listed == {"classic": 1, "electric": 1, "scooter": 1}
    plans = published.ask("select count(*), count(per_minute_pricing) from dim_pricing_plan")
    assert plans == [(3, 3)]
    assert published.ask("select count(*) > 0 from dim_region where is_listed") == [(True,)]
    assert (
        published.ask("select count(*), sum(is_clock_change::int) from dim_service_day")[0][0] >= 2
    )


def test_a_system_is_registered_by_its_id_in_the_catalogue(workspace, city):
    with city.serving() as url:
        base = url.removesuffix("/gbfs.json")
        assert "no catalogue is here" in workspace.run("systems", "add", SYSTEM, code=1)
        address = {"MOBILAKE_SOURCE__CATALOGUE__URL": f"{base}/systems.csv"}
        workspace.run("ingest", "catalogue", **address)
        assert SYSTEM in workspace.run("systems", "search", "aurora")
        assert "is registered (Europe/Lisbon" in workspace.run("systems", "add", SYSTEM)
        assert "nothing new" in workspace.run("ingest", "catalogue", **address)
