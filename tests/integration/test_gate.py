"""Invariants block, findings do not, a severe finding holds one system back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest


def recording(path: Path, system: str, moments: list[datetime], bikes: int, bad: bool) -> Path:
    lines = []
    for at in moments:
        stations = [
            {
                "station_id": f"{system}-{n}",
                "num_bikes_available": bikes,
                "num_docks_available": 5,
                "is_installed": True,
                "is_renting": True,
                "is_returning": True,
                "last_reported": int(at.timestamp()),
            }
            for n in range(3)
        ]
        document = {
            "last_updated": int(at.timestamp()),
            "ttl": 60,
            "version": "2.3",
            "data": {"stations": stations},
        }
        body = "<html>gone</html>" if bad else json.dumps(document)
        lines.append(json.dumps({"fetched_at": at.isoformat(), "body": body}))
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def two_systems(workspace, tmp_path):
    """Two systems with a day of polls each; returns what lands a further day of them."""
    start = datetime(2024, 5, 1, tzinfo=UTC)

    def land(system: str, day: int, bikes: int, bad: bool = False) -> None:
        moments = [start + timedelta(days=day, minutes=10 * n) for n in range(144)]
        file = recording(tmp_path / f"{system}-{day}.jsonl", system, moments, bikes, bad)
        workspace.run(
            "import", "gbfs", "--system", system, "--feed", "station_status",
            "--timezone", "UTC", str(file),
        )  # fmt: skip

    for system in ("good", "ill"):
        land(system, 0, bikes=4)
    workspace.build()
    return land


def test_a_severe_finding_holds_its_system_back_until_it_is_mended(workspace, two_systems):
    two_systems("good", 1, bikes=7)
    two_systems("ill", 1, bikes=7, bad=True)
    said = workspace.build()
    assert "Held back: ill (R3 station_status" in said

    days = "select system_id, max(service_on)::varchar from mart_station_day group by 1 order by 1"
    assert workspace.ask(days) == [("good", "2024-05-02"), ("ill", "2024-05-01")]
    assert workspace.ask("select distinct state from fct_station_state where system_id = 'ill'")
    # what explains it is not held back
    assert workspace.ask(
        "select severity from fct_quality_finding where system_id = 'ill' and rule_id = 'R3'"
    ) == [("severe",)]
    held = workspace.ask("select held from publication order by generation desc limit 1")
    assert "ill" in json.loads(str(held[0][0]))

    two_systems("ill", 2, bikes=9)
    assert "Held back" not in workspace.build()
    assert workspace.ask(days) == [("good", "2024-05-02"), ("ill", "2024-05-03")]


def test_a_broken_invariant_blocks_and_readers_stay_where_they_are(workspace, two_systems):
    before = (workspace.home / "serving" / "marts.duckdb").resolve()
    with duckdb.connect(str(workspace.home / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "insert into bronze.stg_gbfs__fetch select * from bronze.stg_gbfs__fetch limit 1"
        )
    said = workspace.run("build", code=1)
    assert "Not published, readers stay on marts-000001.duckdb" in said
    assert "stg_gbfs__fetch" in said
    assert (workspace.home / "serving" / "marts.duckdb").resolve() == before

    with duckdb.connect(str(workspace.home / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "create or replace table bronze.stg_gbfs__fetch as "
            "select distinct * from bronze.stg_gbfs__fetch"
        )
    assert "generation 2" in workspace.build()
