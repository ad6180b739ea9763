"""Outages of clusters and values of metrics are recomputed from the bytes they rest on."""

from __future__ import annotations

import json

PROVED = "Proved: the same comes out of the same bytes."


def test_an_outage_that_began_before_the_archive_is_proved_too(published):
    ((named,),) = published.ask(
        "select min(outage_id) from fct_station_outage where previous_observed_at is null"
    )
    said = published.run("prove", str(named))
    assert said.rstrip().endswith(PROVED)


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
