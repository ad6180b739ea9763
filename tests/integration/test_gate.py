"""Invariants block, findings do not, a severe finding holds back the one whom it is about."""

from __future__ import annotations

import json

import duckdb
import pytest

DAYS = "select gauge_id, max(read_on)::varchar from fct_tide_day group by 1 order by 1"
LEVELS = "select gauge_id, max(highest_m) from fct_tide_day group by 1 order by 1"


def land(space, day: str, **levels: float) -> None:
    """Land a day's reading of each gauge."""
    inbox = space.home / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    rows = [f"{gauge},{day}T12:00:00,{level}" for gauge, level in levels.items()]
    (inbox / f"{day}.csv").write_text("\n".join(["gauge_id,read_at,level_m", *rows, ""]))
    assert f"{len(rows)} tide_level" in space.run("ingest")


@pytest.fixture(scope="module")
def gauges(tides):
    """Two gauges, published once."""
    land(tides, "2026-01-05", good=1.5, ill=2.5)
    tides.build()
    return tides


def test_a_severe_finding_holds_its_subject_back_until_it_is_mended(gauges):
    land(gauges, "2026-01-06", good=3.5, ill=99)
    assert "Held back: ill (level 99.0 m)" in gauges.build()
    assert gauges.ask(DAYS) == [("good", "2026-01-06"), ("ill", "2026-01-05")]
    held = gauges.ask("select held from publication order by generation desc limit 1")
    assert "ill" in json.loads(str(held[0][0]))

    land(gauges, "2026-01-07", good=1.5, ill=4.5)
    assert "Held back" not in gauges.build()
    assert gauges.ask(DAYS) == [("good", "2026-01-07"), ("ill", "2026-01-07")]
    assert gauges.ask(LEVELS) == [("good", 3.5), ("ill", 99.0)]


def test_a_broken_invariant_blocks_and_readers_stay_where_they_are(gauges):
    marts = gauges.home / "serving" / "marts.duckdb"
    before = marts.resolve()
    with duckdb.connect(str(gauges.home / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "insert into bronze.stg_tides__reading select * from bronze.stg_tides__reading limit 1"
        )
    said = gauges.run("build", code=1)
    assert f"Not published, readers stay on {before.name}" in said
    assert "stg_tides__reading" in said
    assert marts.resolve() == before

    assert "published: generation 4" in gauges.run("build", "--full-refresh")


def test_what_a_contract_does_not_say_blocks_too(gauges):
    with duckdb.connect(str(gauges.home / "warehouse.duckdb")) as warehouse:
        warehouse.execute("delete from bronze.stg_tides__reading")
    assert "fct_tide_day row_count" in gauges.run("build", code=1)
    assert len(gauges.ask(DAYS)) == 2
