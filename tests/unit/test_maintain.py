"""What the lake keeps no longer goes; what a build may still have to read stays."""

from datetime import datetime
from typing import Any

import duckdb
import pytest

from ingestion.lake import Lake, rows_of
from ingestion.raw import RawTable
from ingestion.source import Context, Source, load_sources
from ingestion.sources.events.tables import DEVICE_EVENT
from mobilake import steps
from mobilake.errors import MobilakeError
from mobilake.settings import Maintenance, Settings

AGED = {"device_event": 10}


@pytest.fixture
def context(settings: Settings, lake: Lake, clock: Any) -> Context:
    kept = Maintenance(keep_days=AGED)
    return Context(settings.model_copy(update={"maintenance": kept}), lake, clock)


@pytest.fixture
def sources(context: Context) -> list[Source]:
    return [source for source in load_sources(context.settings).values() if source.name == "events"]


def land(context: Context, name: str, table: RawTable = DEVICE_EVENT) -> None:
    event = {
        "delivery_id": name,
        "event_id": name,
        "system_id": "town",
        "device_kind": "dock",
        "device_id": "d",
        "event_type": "heartbeat",
        "occurred_at": context.clock(),
        "source": "http",
        "source_position": name,
    }
    context.lake.append(table, rows_of(table, [event]))


def kept(context: Context) -> list[str]:
    return sorted(context.lake.read(DEVICE_EVENT, ["event_id"])["event_id"].to_pylist())


def publish(settings: Settings, at: datetime) -> None:
    """Write what a publication says of itself."""
    settings.serving.mkdir(parents=True, exist_ok=True)
    file = settings.serving / "marts-000001.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema if not exists gold")
        connection.execute("create or replace table gold.publication (published_at timestamp)")
        connection.execute("insert into gold.publication values (?)", [at.replace(tzinfo=None)])
    settings.marts.unlink(missing_ok=True)
    settings.marts.symlink_to(file.name)


def test_days_go_after_they_were_published(
    context: Context, sources: list[Source], clock: Any
) -> None:
    land(context, "old")
    clock.put_on(days=20)
    land(context, "young")
    assert not any("kept no longer" in line for line in steps.maintain(context, sources))
    assert kept(context) == ["old", "young"]  # nothing is published: no build has read it

    publish(context.settings, clock())
    said = list(steps.maintain(context, sources))
    assert "device_event: 1 files are 1 now, 0 old ones removed, 1 rows kept no longer" in said
    assert kept(context) == ["young"]


def test_days_that_no_build_has_read_stay(
    context: Context, sources: list[Source], clock: Any
) -> None:
    land(context, "read")
    clock.put_on(days=2)
    publish(context.settings, clock())
    land(context, "unread")
    clock.put_on(days=30)
    list(steps.maintain(context, sources))
    assert kept(context) == ["unread"]


def test_a_reader_keeps_the_files_it_opened(
    context: Context, sources: list[Source], clock: Any
) -> None:
    land(context, "old")
    opened = context.lake.open(DEVICE_EVENT)
    clock.put_on(days=20)
    publish(context.settings, clock())
    list(steps.maintain(context, sources))
    assert kept(context) == []
    assert opened.to_pyarrow_table()["event_id"].to_pylist() == ["old"]


@pytest.mark.parametrize("name", ["devices", "dead_letter"])
def test_a_table_whose_rows_do_not_age_is_told(
    context: Context, sources: list[Source], name: str
) -> None:
    settings = context.settings.model_copy(update={"maintenance": Maintenance(keep_days={name: 3})})
    wrong = Context(settings, context.lake, context.clock)
    with pytest.raises(MobilakeError, match=f"'{name}', whose rows do not age: .*device_event"):
        list(steps.maintain(wrong, sources))
