"""Bronze and silver of a recording, against bare DuckDB SQL that parses and compares the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from ingestion.duckdb_plugin import load_delta

ROOT = Path(__file__).parents[1]
MODELS = ("stg_gbfs__fetch", "stg_gbfs__station_status", "int_stations__state_intervals")
THREADS = 2
UNTESTED = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")

BARE = """
create table status as
select
    system_id,
    fetched_at,
    station.station_id as station_id,
    station.num_bikes_available as bikes,
    station.num_bikes_disabled as bikes_disabled,
    station.num_docks_available as docks,
    station.num_docks_disabled as docks_disabled,
    station.is_installed as is_installed,
    station.is_renting as is_renting,
    station.is_returning as is_returning,
    station.last_reported as last_reported,
    station.vehicle_types_available as types
from (
    select
        system_id,
        fetched_at,
        unnest(from_json(body, '{"data": {"stations": [{
            "station_id": "VARCHAR", "num_bikes_available": "INTEGER",
            "num_bikes_disabled": "INTEGER", "num_docks_available": "INTEGER",
            "num_docks_disabled": "INTEGER", "is_installed": "VARCHAR", "is_renting": "VARCHAR",
            "is_returning": "VARCHAR", "last_reported": "VARCHAR",
            "vehicle_types_available": "JSON"
        }]}}').data.stations) as station
    from delta_scan('$lake')
    where json_valid(body) and feed = 'station_status'
);

create table intervals as
with compared as (
    select
        *,
        hash(bikes, bikes_disabled, docks, docks_disabled, is_installed, is_renting, is_returning,
            types) as state,
        lag(state) over in_order as state_before,
        lead(fetched_at) over in_order as next_at
    from status
    window in_order as (partition by system_id, station_id order by fetched_at)
)
select * from compared where state is distinct from state_before;
"""


def bare(home: Path, place: Path) -> float:
    """Return the seconds that bare SQL takes into a file of its own."""
    lake = str(home / "lake" / "raw" / "gbfs_fetch")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    with duckdb.connect(str(place)) as connection:
        load_delta(connection)
        connection.execute(f"set threads = {THREADS}; set memory_limit = '4GB'")
        connection.execute("set preserve_insertion_order = false")
        started = time.monotonic()
        connection.execute(BARE.replace("$lake", lake))
    return time.monotonic() - started


def ours(home: Path) -> dict[str, float]:
    """Return the seconds that each of the models takes, all of it built anew."""
    for file in home.glob("*.duckdb"):
        file.unlink()
    command = ["--quiet", "build", "--select", f"+{MODELS[-1]}"]
    subprocess.run(
        [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *command, *UNTESTED],
        cwd=ROOT,
        env=os.environ | {"MOBILAKE_HOME": str(home), "DBT_TARGET_PATH": str(home / "target")},
        check=True,
    )
    results = json.loads((home / "target" / "run_results.json").read_text())["results"]
    seconds = {one["unique_id"].split(".")[-1]: one["execution_time"] for one in results}
    return {name: seconds[name] for name in MODELS}
