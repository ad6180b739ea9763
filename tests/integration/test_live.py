"""The present is what a build of the same data would say, whatever came late, twice or shuffled."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import zstandard

from ingestion.lake import Lake
from ingestion.source import Context, load_sources
from mobilake.settings import Settings, load, share_with_libraries
from mobilake.transform import WITHOUT_TESTS, build_landed
from quality.gate import Verdict
from serving import publish as publishing
from serving.live.models import TAG
from serving.live.service import Live, Unknown
from simulator.city import SYSTEM_ID

SEED = int(os.environ.get("MOBILAKE_SEED", "4"))
SEEN_BEFORE = timedelta(hours=20)
"""So long before the end of the recording a generation is published."""
PARTS = 3
FROM_PUBLISHED = (
    "system_freeze", "version_switch", "mass_listing_change", "stuck_sensor", "geofence_exit",
    "fleet_drop", "feed_clock_skew",
)  # fmt: skip
"""Anomalies that are told from marts which are not live."""


def lines_of(files: list[Path]) -> list[bytes]:
    unpack = zstandard.ZstdDecompressor()
    return [
        line
        for file in files
        for line in unpack.decompressobj().decompress(file.read_bytes()).splitlines()
    ]


def moment(line: bytes, name: str) -> str:
    """Return a time of a line, to be compared as text; of a line that is none, the first."""
    try:
        return str(orjson.loads(line)[name])
    except (orjson.JSONDecodeError, KeyError):
        return ""


def write(file: Path, content: list[bytes]) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"".join(line + b"\n" for line in content))
    return file


def now() -> datetime:
    return datetime.now(UTC)


def publish(settings: Settings) -> None:
    """Build the live models and what they rest on, without data tests, and publish them."""
    chosen = ("--select", f"+tag:{TAG}", *WITHOUT_TESTS)
    built = build_landed(settings, arguments=chosen)
    assert not built.failures, built.failures[0].reason
    publishing.publish(settings, Verdict((), {}), built, [], now())


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    """What libraries are told through the environment is for these tests alone."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def space(new_workspace, city, environment):
    """A home of the small city, whose feeds are registered."""
    space = new_workspace("live")
    with city.serving() as url:
        space.run("systems", "add", url)
    return space


@pytest.fixture(scope="module")
def live_and_batch(space, city, tmp_path_factory):
    """The live models after all has come in parts, and the marts built of the same."""
    folder, chance = tmp_path_factory.mktemp("parts"), random.Random(SEED)
    border = (city.until - SEEN_BEFORE).isoformat()
    slow = ("system_information", "station_information")
    status = lines_of(city.files["station_status"])
    events = lines_of(city.events)

    def land(name: str, status_lines: list[bytes], event_lines: list[bytes]) -> None:
        here = write(folder / f"status-{name}.jsonl", status_lines)
        space.import_history("station_status", here)
        here = write(folder / f"events-{name}.jsonl", event_lines)
        space.run("import", "events", "--system", SYSTEM_ID, str(here))

    for feed in slow:
        space.import_history(feed, *city.files[feed])
    # what is late was there before the border, and did not come
    late_status, late_events = (
        set(chance.sample(range(len(x)), len(x) // 50)) for x in (status, events)
    )
    before = [n for n, line in enumerate(status) if moment(line, "fetched_at") < border]
    first = [status[n] for n in before if n not in late_status]
    told = [n for n, line in enumerate(events) if moment(line, "received_at") < border]
    first_events = [events[n] for n in told if n not in late_events]
    land("first", first, first_events)
    settings = load().model_copy(update={"home": space.home, "lake": str(space.home / "lake")})
    share_with_libraries(settings)
    publish(settings)
    context = Context(settings, Lake(settings.lake, now), now)
    tables = {table.name: table for one in load_sources(settings).values() for table in one.tables}
    live = Live(context, tables)

    rest = [line for n, line in enumerate(status) if n in late_status or n not in set(before)]
    rest_events = [line for n, line in enumerate(events) if n in late_events or n not in set(told)]
    chance.shuffle(rest)
    chance.shuffle(rest_events)
    again = chance.sample(first, 40), chance.sample(first_events, 40)
    for part in range(PARTS):
        land(
            str(part),
            rest[part::PARTS] + again[0][part::PARTS],
            rest_events[part::PARTS] + again[1][part::PARTS],
        )
        live.refresh()
    answers = {model.name: live.ask(model.name, {}) for model in live.models}
    publish(settings)
    return live, answers


def comparable(rows, kinds=()):
    return Counter(
        orjson.dumps(
            {
                name: round(value, 6) if isinstance(value, float) else value
                for name, value in row.items()
                if name != "built_at"
            },
            option=orjson.OPT_SORT_KEYS,
        )
        for row in rows
        if row.get("kind") not in kinds
    )


@pytest.mark.parametrize(
    "model",
    [
        "fct_device_event", "fct_station_state", "fct_anomaly", "mart_station_now",
        "mart_outage_now", "mart_cluster_now", "mart_vehicle_attention",
    ],
)  # fmt: skip
def test_what_is_live_is_what_a_build_makes_of_the_same(live_and_batch, space, model):
    _, answers = live_and_batch
    with space.marts() as marts:
        marts.execute("set TimeZone = 'UTC'")
        found = marts.execute(f"select * from {model} limit 10000")
        columns = [column[0] for column in found.description]
        built = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    built = [
        {
            name: value.isoformat() + "Z" if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in built
    ]
    ours, theirs = comparable(answers[model], FROM_PUBLISHED), comparable(built, FROM_PUBLISHED)
    assert (list(ours - theirs)[:3], list(theirs - ours)[:3]) == ([], [])
    assert ours.total() > 0 or model == "mart_vehicle_attention"


def test_what_is_live_is_all_models_that_say_so(live_and_batch):
    _, answers = live_and_batch
    assert set(answers) == {
        "fct_device_event", "fct_station_state", "fct_anomaly", "mart_station_now",
        "mart_outage_now", "mart_cluster_now", "mart_vehicle_attention",
    }  # fmt: skip


def test_a_new_generation_is_taken_up_and_says_the_same(live_and_batch):
    live, answers = live_and_batch
    assert live.generation == "marts-000001"
    live.refresh()
    assert live.generation == "marts-000002"
    for model, rows in answers.items():
        kinds = FROM_PUBLISHED
        assert comparable(live.ask(model, {}), kinds) == comparable(rows, kinds), model


def test_rows_are_chosen_by_columns_and_by_no_other_words(live_and_batch):
    live, answers = live_and_batch
    station = answers["mart_station_now"][0]
    assert live.ask("mart_station_now", {"station_id": station["station_id"]}) == [station]
    assert len(live.ask("fct_station_state", {"state": "empty"}, limit=3)) == 3
    with pytest.raises(Unknown, match="has no column 'x'"):
        live.ask("mart_station_now", {"x": "1"})
    with pytest.raises(Unknown, match="No live model"):
        live.ask("stg_events__device_event", {})
