"""Rows on their way into the lake: kept until they have landed, once, and never without bound."""

import logging
from pathlib import Path
from typing import Any

import anyio
import pytest

from ingestion.lake import Lake, RawTable, column
from ingestion.landing import Landing
from mobilake.errors import TransientError
from mobilake.settings import Poll

KILOBYTE = 1 / 1024


def names(lake: Lake, table: RawTable) -> list[str]:
    return sorted(column(lake.read(table, ["name"]), "name"))


def landing_of(lake: Lake, table: RawTable, **settings: float) -> Landing:
    return Landing(lake, [table], Poll(**settings))


def add(landing: Landing, table: RawTable, *names: str, size: int = 1) -> None:
    for name in names:
        landing.add(table, {"name": name, "body": "x" * size})


class Away:
    """Takes the table away and brings it back, as a disk that is not mounted."""

    def __init__(self, lake: Lake, table: RawTable) -> None:
        self.folder = Path(lake.uri(table))
        self.aside = self.folder.with_name("aside")

    def begin(self) -> None:
        self.folder.rename(self.aside)

    def end(self) -> None:
        self.aside.rename(self.folder)


def test_what_waits_is_one_commit(lake: Lake, thing: RawTable) -> None:
    landing = landing_of(lake, thing)
    add(landing, thing, "a", "b")
    assert landing.waiting == 2
    anyio.run(landing.flush)
    anyio.run(landing.flush)
    assert (landing.waiting, names(lake, thing)) == (0, ["a", "b"])
    assert lake.open(thing).version() == 1


def test_rows_land_every_few_seconds_or_when_they_are_many(lake: Lake, thing: RawTable) -> None:
    async def run(landing: Landing, size: int) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(landing.run)
            await anyio.sleep(0.01)
            add(landing, thing, "a", size=size)
            with anyio.fail_after(5):
                while landing.waiting:
                    await anyio.sleep(0.01)
            group.cancel_scope.cancel()

    anyio.run(run, landing_of(lake, thing, flush_s=0.05), 1)
    anyio.run(run, landing_of(lake, thing, flush_s=300, flush_mb=KILOBYTE), 2000)
    assert names(lake, thing) == ["a", "a"]


def test_a_lake_that_is_away_is_not_made_anew_and_loses_nothing(
    lake: Lake, thing: RawTable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    landing, away = landing_of(lake, thing), Away(lake, thing)
    away.begin()
    add(landing, thing, "a")
    anyio.run(landing.flush)
    add(landing, thing, "b")
    anyio.run(landing.flush)
    assert landing.waiting == 2
    assert "is no longer there: is its disk mounted?" in str(landing.trouble)
    assert not away.folder.exists()
    away.end()
    anyio.run(landing.flush)
    assert (landing.waiting, landing.trouble, names(lake, thing)) == (0, None, ["a", "b"])
    said = [record.message for record in caplog.records if "ingestion.landing" in record.name]
    assert len(said) == 2
    assert said[0].startswith("The lake takes no rows")
    assert said[1] == "The lake takes rows again."


def test_a_commit_whose_answer_was_lost_lands_once(
    lake: Lake, thing: RawTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing, append = landing_of(lake, thing), Lake.append

    def lost(self: Lake, *arguments: Any, **more: Any) -> int:
        append(self, *arguments, **more)
        raise OSError("the answer was lost")

    add(landing, thing, "a")
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", lost)
        anyio.run(landing.flush)
    add(landing, thing, "b")
    anyio.run(landing.flush)
    assert names(lake, thing) == ["a", "b"]


def test_above_a_bound_no_more_is_taken_in_and_that_is_said_once(
    lake: Lake, thing: RawTable, caplog: pytest.LogCaptureFixture
) -> None:
    landing = landing_of(lake, thing, waiting_mb=4 * KILOBYTE)
    away = Away(lake, thing)
    away.begin()
    add(landing, thing, "a", size=1000)
    anyio.run(landing.flush)
    assert landing.has_room
    add(landing, thing, "b", "c", "d", "e", size=1000)
    anyio.run(landing.flush)
    assert not landing.has_room
    said = [record.message for record in caplog.records if "No polls are made" in record.message]
    assert len(said) == 1
    assert "5 wait in memory" in said[0] or "4 wait in memory" in said[0]
    away.end()
    anyio.run(landing.flush)
    assert landing.has_room
    assert len(names(lake, thing)) == 5


def test_rows_that_cannot_land_at_the_end_are_no_silent_loss(
    lake: Lake, thing: RawTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.landing.PAUSE_S", 0.01)
    landing, away = landing_of(lake, thing), Away(lake, thing)
    away.begin()
    add(landing, thing, "a")
    with pytest.raises(TransientError, match=r"^1 rows of the last polls could not be landed"):
        anyio.run(landing.close)


def test_appends_of_others_are_no_hindrance(lake: Lake, thing: RawTable) -> None:
    landing = landing_of(lake, thing)
    for number in range(3):
        other = Landing(lake, [thing], Poll())
        add(other, thing, f"o{number}")
        anyio.run(other.flush)
        add(landing, thing, f"m{number}")
        anyio.run(landing.flush)
    assert names(lake, thing) == ["m0", "m1", "m2", "o0", "o1", "o2"]
