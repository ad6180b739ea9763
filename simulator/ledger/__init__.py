"""The truth ledger: what really happened, as Parquet files that the product never reads."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from simulator.city import City
from simulator.faults import Fault
from simulator.faults.struck import Struck, struck
from simulator.home import replacing
from simulator.ledger.rows import MICROSECONDS, TABLES, Rows
from simulator.ledger.schemas import SCHEMAS
from simulator.moments import day_of, days_between, to_seconds
from simulator.weather_service import weather_faults


def write_day(city: City, home: Path, day: date, until: int) -> None:
    """Write what began on a UTC day, as it was known just before second ``until``.

    What had not ended by then (a ride, a load, a repair) has no end yet; writing the day again
    later completes it.
    """
    for table, rows_of in TABLES.items():
        _write(home / "ledger" / f"{table}-{day}.parquet", table, rows_of(city, day, until))


def write_faults(city: City, home: Path, faults: Iterable[Fault], until: int) -> None:
    """Write the fault plan; what a fault strikes is known once it has begun.

    A city whose feeds go wrong has a weather service that errs too.
    """
    faults, rows = tuple(faults), []
    for fault in faults:
        begun = to_seconds(fault.starts_at) < until
        hit = struck(fault, city) if begun else Struck()
        rows.append(
            {
                "fault_id": fault.fault_id,
                "kind": fault.kind,
                "expected_rule": fault.expected_rule,
                "feed": fault.feed,
                "feeds": list(fault.feeds),
                "station_ids": list(hit.station_ids),
                "scooter_ids": [city.scooter_id(scooter) for scooter in hit.scooters],
                "starts_at": fault.starts_at,
                "ends_at": fault.ends_at,
            }
        )
    _write(home / "ledger" / "faults.parquet", "faults", rows)
    days = days_between(city.started_on, day_of(until - 1)) if faults else ()
    wrong = [
        {"kind": kind, "observed_at": at * MICROSECONDS}
        for day in days
        for at, kind in sorted(weather_faults(city, day).items())
        if at < until
    ]
    _write(home / "ledger" / "weather_faults.parquet", "weather_faults", wrong)


def _write(path: Path, table: str, rows: Rows) -> None:
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS[table]), temporary)
