"""kill -9 at any point: what was accepted stays, nothing doubles, readers see whole generations."""

from __future__ import annotations

import random
import threading
import time

import duckdb
import pytest

ROUNDS = 8


@pytest.fixture
def landed(workspace, city):
    """Both days of history, imported by processes that are killed at random moments."""
    chance = random.Random(11)
    files = city.files["station_status"]
    for _ in range(ROUNDS):
        victim = workspace.start(
            "import", "gbfs", "--system", "port_aurora", "--feed", "station_status",
            "--timezone", "Europe/Lisbon", *map(str, files),
        )  # fmt: skip
        time.sleep(chance.uniform(0.5, 3.5))
        victim.kill()
        victim.wait()
    said = workspace.import_history("station_status", *files)
    assert " 0 quarantined" in said
    return workspace


def test_a_killed_import_is_made_good_by_the_next(landed, city):
    landed.build()
    said = landed.import_history("station_status", *city.files["station_status"])
    lines = int(said.split(": ")[1].split(" ")[0].replace(",", ""))
    assert landed.ask("select count(*), count(distinct fetch_id) from fct_feed_fetch") == [
        (lines, lines)
    ]


def test_killed_builds_never_show_half_a_result(landed):
    """Builds are killed at random moments while readers read; then one that ends, and agrees."""
    landed.build()
    truth = landed.ask("select count(*), sum(observations) from fct_station_state")
    errors: list[Exception] = []
    seen: set[tuple[object, ...]] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add(
                    landed.ask(
                        "select count(*), sum(observations), (select max(generation) from "
                        "publication) from fct_station_state"
                    )[0][:2]
                )
            except duckdb.Error as error:
                errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    chance = random.Random(12)
    for _ in range(ROUNDS):
        victim = landed.start("build")
        time.sleep(chance.uniform(2, 25))
        victim.kill()
        victim.wait()
    landed.build()
    stop.set()
    reader.join()
    assert errors == []
    assert seen == set(truth)
    assert not list((landed.home / "serving").glob(".*draft*"))
