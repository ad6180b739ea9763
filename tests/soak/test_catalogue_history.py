"""The worldwide catalogue's real history: how often each system was said to be otherwise."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest
import zstandard

from simulator import City

SYSTEM = "port_aurora"


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
