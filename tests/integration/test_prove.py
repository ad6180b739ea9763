"""Outages are proved from the bytes they rest on; a changed byte does not get past."""

from __future__ import annotations

import json
import shutil

import pytest
from deltalake import DeltaTable


@pytest.fixture(scope="module")
def outage(published):
    """An outage of half an hour or more with both bounds, and the first of its polls."""
    found = published.ask(
        """select outages.outage_id, fetches.fetch_id
        from fct_station_outage as outages
        inner join fct_feed_fetch as fetches
            on outages.system_id = fetches.system_id
            and fetches.feed = 'station_status'
            and outages.first_observed_at = fetches.fetched_at
        where
            outages.state in ('empty', 'full')
            and outages.minutes_lo >= 30
            and outages.minutes_hi is not null
        order by outages.minutes_lo, outages.outage_id limit 1"""
    )
    return found[0]


def test_an_outage_is_proved_from_raw_with_its_trail(published, outage):
    said = published.run("prove", outage[0][:12])
    assert said.rstrip().endswith("Proved: the same comes out of the same bytes.")
    trail = json.loads(
        (published.home / "evidence" / f"fct_station_outage-{outage[0]}.json").read_text()
    )
    assert trail["holds"]
    for row in (trail["published"], trail["recomputed"]):
        assert row.pop("built_at")
    assert trail["published"] == trail["recomputed"]
    assert trail["published"]["minutes_lo"] <= trail["published"]["minutes_hi"]
    assert trail["generation"] >= 1
    assert trail["lake_version"] > 0
    assert trail["rule"]
    assert len(trail["polls"]) >= trail["published"]["observations"]
    with_body = [poll for poll in trail["polls"] if poll["hash_holds"] is not None]
    assert with_body
    assert all(poll["hash_holds"] for poll in with_body)
    assert not list(published.home.glob("prove-*"))


def test_a_byte_changed_in_the_lake_is_told(published, outage, new_workspace):
    changed = new_workspace("changed")
    shutil.copytree(published.home, changed.home, symlinks=True)
    lake = DeltaTable(str(changed.home / "lake" / "raw" / "gbfs_fetch"))
    lake.update(
        updates={"body": "replace(body, '\"num_bikes_disabled\":0', '\"num_bikes_disabled\":1')"},
        predicate=f"fetch_id = '{outage[1]}'",
    )
    said = changed.run("prove", outage[0], code=1)
    assert "Not proved" in said
    assert "1 bodies are not the bytes received" in said
    assert "DIFFERENT" in said


def test_what_is_not_there_is_said_with_the_mend(published, workspace):
    assert "names no row" in published.run("prove", "0" * 32, code=1)
    assert "by its first 8 characters" in published.run("prove", "0", code=1)
    assert "names no row" in published.run("prove", "availability_pct", "oslo", "2026", code=1)
    assert "What can be proved" in published.run("prove", "beauty", "oslo", code=1)
    assert "mobilake build" in workspace.run("prove", "0" * 32, code=1)
