"""Importing trip files, against DuckDB's own `read_csv` into a table."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion.lake import Lake
from ingestion.source import Context
from ingestion.sources.trips.families import read_families
from ingestion.sources.trips.landing import land
from ingestion.sources.trips.members import members
from mobilake.secrets import Secret
from mobilake.settings import load

HEADERS = {
    "T1": (
        "tripduration,starttime,stoptime,start station id,start station name,"
        "start station latitude,start station longitude,end station id,end station name,"
        "end station latitude,end station longitude,bikeid,usertype,birth year,gender"
    ),
    "T2": (
        "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,"
        "end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
    ),
}
STATION = "'Broadway & W ' || {0} % 200 || ' St'"
ROWS = {
    "T1": f"""
        300 + n % 1500, timestamp '2019-01-01' + to_seconds(n * 7),
        timestamp '2019-01-01' + to_seconds(n * 7 + 300 + n % 1500),
        n % 800, {STATION.format("n")}, 40.7 + (n % 800) / 10000, -73.9 - (n % 800) / 10000,
        n * 31 % 800, {STATION.format("(n * 31)")}, 40.7 + (n * 31 % 800) / 10000,
        -73.9 - (n * 31 % 800) / 10000, 14000 + n * 17 % 12000,
        case when n % 4 = 0 then 'Customer' else 'Subscriber' end, 1950 + n % 50, n % 3""",
    "T2": f"""
        upper(substr(md5(n::varchar), 1, 16)), 'classic_bike',
        timestamp '2026-01-01' + to_milliseconds(n * 7321),
        timestamp '2026-01-01' + to_milliseconds(n * 7321 + 600123),
        {STATION.format("n")}, '6' || n % 800 || '.05', {STATION.format("(n * 31)")},
        '6' || n * 31 % 800 || '.05', 40.7 + (n % 800) / 10000, -73.9 - (n % 800) / 10000,
        40.7 + (n * 31 % 800) / 10000, -73.9 - (n * 31 % 800) / 10000,
        case when n % 4 = 0 then 'casual' else 'member' end""",
}


def write(file: Path, family: str, rows: int) -> None:
    """Write a clean trip file of a family."""
    names = ", ".join(f'"{name}"' for name in HEADERS[family].split(","))
    duckdb.execute(
        f"copy (select * from (select {ROWS[family]} from range({rows}) as numbers(n)) "
        f"as it({names})) to '{file}' (header)"
    )


def bare(file: Path, database: Path) -> float:
    """Return the seconds in which DuckDB reads a file into a table of its own."""
    database.unlink(missing_ok=True)
    started = time.monotonic()
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"create table trips as select * from read_csv('{file}')")
    return time.monotonic() - started


def ours(file: Path, home: Path, root: Path) -> float:
    """Return the seconds in which it lands in a new lake."""
    shutil.rmtree(home, ignore_errors=True)
    settings = load(root).model_copy(update={"home": home})
    lake = Lake(str(home / "lake"), lambda: datetime.now(UTC))
    context = Context(settings, lake, lake.clock)
    families = read_families(root)
    started = time.monotonic()
    for member in members(file):
        land(context, "bench", member, families, Secret("b" * 40))
    return time.monotonic() - started
