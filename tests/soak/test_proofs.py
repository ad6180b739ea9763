"""Outages of clusters, clauses and values of metrics are recomputed from the bytes they rest on."""

from __future__ import annotations

import json
from datetime import UTC, datetime

PROVED = "Proved: the same comes out of the same bytes."


def test_an_outage_that_began_before_the_archive_is_proved_too(workspace, tmp_path):
    recording = tmp_path / "station_status.jsonl"
    recording.write_text("\n".join(map(json.dumps, polls_of_a_station_that_is_empty_at_first())))
    workspace.import_history("station_status", recording)
    workspace.build()
    ((named,),) = workspace.ask(
        "select outage_id from fct_station_outage where previous_observed_at is null"
    )
    said = workspace.run("prove", str(named))
    assert said.rstrip().endswith(PROVED)


def polls_of_a_station_that_is_empty_at_first():
    for minute in range(60):
        at = datetime(2026, 1, 5, 12, minute, tzinfo=UTC)
        station = {
            "station_id": "a",
            "num_bikes_available": 3 if minute >= 20 else 0,
            "num_docks_available": 5,
            "is_installed": True,
            "is_renting": True,
            "is_returning": True,
            "last_reported": int(at.timestamp()),
        }
        yield {
            "fetched_at": at.isoformat(),
            "body": {
                "last_updated": int(at.timestamp()),
                "ttl": 60,
                "version": "2.3",
                "data": {"stations": [station]},
            },
        }


def test_a_month_of_a_clause_is_proved_from_raw(published):
    ((system, month, outages),) = published.ask(
        """select system_id, month_on, outages_seen
        from mart_sla_month where rule_id = 'BAY-12'
        order by month_on desc limit 1"""
    )
    said = published.run("prove", "mart_sla_month", str(system), "BAY-12", f"{month:%Y-%m}")
    assert said.rstrip().endswith("Proved: the same comes out of the same bytes.")
    trail = json.loads(
        (published.home / "evidence" / f"mart_sla_month-{system}-BAY-12-{month}.json").read_text()
    )
    assert trail["published"] == trail["recomputed"]
    assert trail["published"]["outages_seen"] == outages
    assert len(trail["polls"]) > 1000


def test_an_outage_of_a_cluster_is_proved_from_raw(published):
    ((named, polls),) = published.ask(
        """select outages.cluster_outage_id, count(*)
        from fct_cluster_outage as outages
        inner join fct_feed_fetch as fetches
            on outages.system_id = fetches.system_id
            and fetches.feed = 'station_status'
            and fetches.fetched_at between outages.started_at and outages.ended_at
        group by outages.cluster_outage_id, outages.minutes_lo, outages.minutes_hi
        order by outages.minutes_lo desc, outages.minutes_hi desc, outages.cluster_outage_id
        limit 1"""
    )
    said = published.run("prove", str(named))
    assert said.rstrip().endswith(PROVED)
    trail = json.loads(
        (published.home / "evidence" / f"fct_cluster_outage-{named}.json").read_text()
    )
    assert trail["published"] == trail["recomputed"]
    assert len(trail["polls"]) >= polls


def test_a_value_of_a_metric_is_proved_from_raw(published):
    ((system, station, day),) = published.ask(
        """select system_id, station_id, service_on
        from mart_station_day
        where availability_pct between 1 and 99
        order by service_on, station_id limit 1"""
    )
    of_station = published.run("prove", "availability_pct", str(system), str(station), str(day))
    assert "availability_pct *" in of_station
    assert of_station.rstrip().endswith(PROVED)
    of_system = published.run("prove", "availability_pct", str(system), str(day))
    assert of_system.rstrip().endswith(PROVED)
    trail = json.loads(
        (published.home / "evidence" / f"mart_system_day-{system}-{day}.json").read_text()
    )
    assert trail["published"]["availability_pct"] == trail["recomputed"]["availability_pct"]
