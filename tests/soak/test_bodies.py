"""Big bodies in little memory: thousands of polls of 600 KB build under 1 GB."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta

import orjson
import pytest

POLLS = 3000
STATIONS = 2900
BODY_BYTES = 600_000
LIMIT = {"MOBILAKE_MEMORY_LIMIT": "1GB"}


@pytest.fixture(scope="module")
def space(new_workspace, tmp_path_factory):
    """A home with the polls of ten days, a commit a hundred of them."""
    chance = random.Random(3)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    items = [
        orjson.dumps(
            {
                "station_id": f"station-{number:05d}",
                "is_installed": True,
                "is_renting": True,
                "is_returning": True,
                "num_docks_available": 10,
                "num_bikes_available": 10,
                "num_bikes_disabled": 0,
                "last_reported": 1_767_225_600,
                "vehicle_types_available": [{"vehicle_type_id": "bike", "count": 10}],
            }
        ).decode()
        for number in range(STATIONS)
    ]
    home = new_workspace("bodies")
    folder = tmp_path_factory.mktemp("recorded")
    for start in range(0, POLLS, 500):
        file = folder / f"station_status-{start}.jsonl"
        with file.open("wb") as lines:
            for poll in range(start, min(start + 500, POLLS)):
                for number in chance.sample(range(STATIONS), 150):
                    bikes = chance.randrange(20)
                    items[number] = re.sub(
                        r'"num_bikes_available":\d+',
                        f'"num_bikes_available":{bikes}',
                        items[number],
                    )
                moment = begin + timedelta(minutes=5 * poll)
                stamp = int(moment.timestamp())
                body = (
                    f'{{"last_updated":{stamp},"ttl":60,"version":"2.3",'
                    f'"data":{{"stations":[{",".join(items)}]}}}}'
                )
                assert len(body) >= BODY_BYTES
                line = {"fetched_at": moment.isoformat(), "body": body}
                lines.write(orjson.dumps(line) + b"\n")
        home.run(
            "import", "gbfs", "--system", "big", "--feed", "station_status", "--timezone", "UTC",
            "--interval", "300", str(file),
        )  # fmt: skip
        file.unlink()
    return home


def test_thousands_of_big_bodies_build_in_one_gigabyte(space):
    space.run("build", **LIMIT)
    counted = space.bronze("select count(*) from bronze.stg_gbfs__station_status")
    assert counted == [(POLLS * STATIONS,)]


def test_and_once_more_after_compaction(space):
    files = sorted((space.home / "lake" / "raw" / "gbfs_fetch").glob("landed_on=*/*.parquet"))
    said = space.run("maintain")
    assert f"gbfs_fetch: {len(files)} files are" in said
    space.run("build", "--full-refresh", **LIMIT)
    counted = space.bronze("select count(*) from bronze.stg_gbfs__station_status")
    assert counted == [(POLLS * STATIONS,)]
