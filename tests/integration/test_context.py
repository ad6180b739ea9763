"""Weather, the worldwide catalogue and what both bring to the marts, against the ledger."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import zstandard

from ingestion.lake import Lake, rows_of
from ingestion.sources.weather.tables import WEATHER_HOURLY
from simulator import City
from simulator.moments import to_seconds
from simulator.weather_service import SETTLED_S, forecast

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


def test_weather_that_came_in_any_order_is_what_a_rebuild_makes_of_it(workspace, new_workspace):
    """Answers of four days, each day told anew, land late and shuffled over two builds."""
    city = City(seed=4, started_on=date(2026, 3, 27), stations=2)
    begin = datetime(2026, 3, 28, tzinfo=UTC)
    answers = [answer(city, begin + timedelta(hours=5 * n)) for n in range(20)]
    answers += [{**answers[3], "request_id": "html", "body": "<html>"}, answers[5]]
    random.Random(1).shuffle(answers)
    workspace.import_history("system_information", information(workspace.home.parent, city))
    lake = Lake(str(workspace.home / "lake"), lambda: datetime.now(UTC))
    lake.open(WEATHER_HOURLY)
    for batch in (answers[:12], answers[12:]):
        lake.append(WEATHER_HOURLY, rows_of(WEATHER_HOURLY, batch))
        workspace.models("fct_weather_hourly")
    rebuilt = new_workspace("rebuilt")
    shutil.copytree(workspace.home / "lake", rebuilt.home / "lake")
    rebuilt.models("fct_weather_hourly")
    columns = "* exclude (built_at)"
    with duckdb.connect() as both:
        both.execute(f"attach '{workspace.home / 'gold.duckdb'}' as one (read_only)")
        both.execute(f"attach '{rebuilt.home / 'gold.duckdb'}' as other (read_only)")
        [(hours,)] = both.execute("select count(*) from other.gold.fct_weather_hourly").fetchall()
        for left, right in (("one", "other"), ("other", "one")):
            only = both.execute(
                f"select {columns} from {left}.gold.fct_weather_hourly except all "
                f"select {columns} from {right}.gold.fct_weather_hourly"
            ).fetchall()
            assert only == []
    assert hours > 100


def answer(city: City, at: datetime) -> dict[str, object]:
    days = at.date() - timedelta(days=1), at.date() + timedelta(days=1)
    body = forecast(city, to_seconds(at), *days, VARIABLES, has_faults=True)
    return {
        "request_id": f"{at:%Y%m%dT%H}",
        "system_id": SYSTEM,
        "lat": 38.7,
        "lon": -9.1,
        "from_on": days[0],
        "until_on": days[1],
        "requested_at": at,
        "fetched_at": at,
        "http_status": 200,
        "body": json.dumps(body),
    }


def information(folder: Path, city: City) -> Path:
    line = {
        "fetched_at": "2026-03-28T00:00:00Z",
        "body": {"data": {"system_id": SYSTEM, "name": "Port Aurora", "timezone": "Europe/Lisbon"}},
    }
    file = folder / "system_information.jsonl.zst"
    file.write_bytes(zstandard.compress(json.dumps(line).encode() + b"\n"))
    return file


@pytest.mark.real_data
def test_the_history_of_the_worldwide_catalogue_becomes_versions_of_systems(real_data, workspace):
    folder = real_data / "gbfs_spec"
    history, listed = folder / "systems_history.jsonl.gz", folder / "systems.csv"
    said = workspace.run("import", "catalogue", str(history), str(listed))
    assert "11,030 received = 11,030 new" in said
    assert "1,520 received = 1,520 new" in said
    again = workspace.run("import", "catalogue", str(history), str(listed))
    assert "11,030 received = 0 new + 11,030 known" in again
    workspace.import_history(
        "system_information", information(workspace.home.parent, City(1, date(2026, 1, 1), 2))
    )
    workspace.models("dim_system")

    lines = subprocess.run(["gzip", "-dc", history], capture_output=True, check=True).stdout
    changes = [json.loads(line) for line in lines.splitlines()]
    with listed.open(encoding="utf-8-sig", newline="") as file:
        now = {row["System ID"]: row for row in csv.DictReader(file)}
    later = max(change["commit_ts"] for change in changes) + 1
    changes += [
        {"commit_ts": later, "op": "upsert", "system_id": system_id, "row": row}
        for system_id, row in now.items()
    ]
    versions, current = versions_of(changes)
    assert current == set(now)
    with duckdb.connect(str(workspace.home / "gold.duckdb"), read_only=True) as gold:
        found = gold.execute(
            f"select count(*), count(distinct system_id) from gold.gold.dim_system "
            f"where system_id <> '{SYSTEM}' or is_registered is null"
        ).fetchone()
        listed_now = gold.execute(
            "select system_id from gold.gold.dim_system where is_current and is_listed"
        ).fetchall()
    assert found is not None
    assert found == (sum(versions.values()), len(versions))
    assert {row[0] for row in listed_now} == current


ATTRIBUTES = (
    "Country Code", "Name", "Location", "URL", "Auto-Discovery URL", "Supported Versions",
    "Authentication Type",
)  # fmt: skip


def versions_of(changes: list[dict[str, object]]) -> tuple[Counter[str], set[str]]:
    """Return how often each system is said to be otherwise in what we show, and those listed."""
    said: dict[str, tuple[object, ...]] = {}
    versions: Counter[str] = Counter()
    at_once = {}  # ids with a blank were removed as those without were entered: these stay
    for change in sorted(changes, key=lambda one: (one["commit_ts"], one["op"] == "upsert")):
        at_once[change["commit_ts"], str(change["system_id"]).strip()] = change
    for (_, system_id), change in at_once.items():
        row = change["row"]
        assert isinstance(row, dict)
        shown = tuple((row.get(name) or "").strip() for name in ATTRIBUTES)
        if change["op"] == "delete":  # described as it was
            shown = said[system_id][1:]
        now = (change["op"] == "upsert", *shown)
        if said.get(system_id) != now:
            versions[system_id] += 1
        said[system_id] = now
    return versions, {system_id for system_id, now in said.items() if now[0]}
