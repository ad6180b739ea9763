"""Whatever is wrong with lines of whatever family: each is accounted for, and tells of nobody."""

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingestion.dead_letters import DEAD_LETTER
from ingestion.lake import Lake
from ingestion.source import Context
from ingestion.sources.trips.families import DROP, KEEP, Family, layout_of, read_families
from ingestion.sources.trips.landing import land
from ingestion.sources.trips.members import members
from ingestion.sources.trips.tables import TRIP_FILE, TRIP_ROW
from mobilake.secrets import Secret
from mobilake.settings import load

ROOT = Path(__file__).parents[2]
FAMILIES = {family.name: family for family in read_families(ROOT)}
BIKE, DROPPED, BORN = "BIKEPLANTED", "DROPPEDPLANTED", "1987"
TOLD = re.compile(rf"{BIKE}|{DROPPED}|(?<![\w+/-]){BORN}(?![\w+/-])")
"""Four digits of a hash or of a time in milliseconds are no year of birth."""
VALUES = {
    "started_at": "2026-05-01 10:00:00",
    "ended_at": "2026-05-01 10:12:00",
    "duration": "720",
    "bike_id": BIKE,
    "birth_year": BORN,
}
MANNERS = {
    "clean": lambda line: line,
    "cut": lambda line: line[: len(line) // 2],
    "a time without its hour": lambda line: line.replace("2026-05-01 10:00:00", "04:50.2"),
    "a column too many": lambda line: line + ",surplus",
    "empty columns at the end": lambda line: line + ",,",
    "a quote that does not close": lambda line: '"' + line,
    "a quote in the middle": lambda line: line.replace("2026-05-01", '2026"05-01', 1),
    "another delimiter": lambda line: line.replace(",", ";"),
    "no line": lambda line: "",
    "blanks": lambda line: "   ",
    "bytes of another encoding": lambda line: line.replace("10:12", "10:12\udce9"),
    "a byte of nothing": lambda line: line.replace("10:12", "10:12\0"),
    "an id in scientific notation": lambda line: line.replace("10:12", "1.42E+15"),
    "a negative duration": lambda line: line.replace("720", "-720"),
    "nonsense": lambda line: "\\N;;\"',,|\t",
    "a carriage return": lambda line: line + "\r",
}


def header_of(family: Family) -> tuple[str, str]:
    """Return a header of a family and a clean line below it."""
    columns, seen = [], set()
    for name, column in family.columns.items():
        meaning = column.field or name
        if meaning not in seen:
            columns.append((name, column))
            seen.add(meaning)
    cells = [
        DROPPED if column.treatment == DROP else VALUES.get(column.field, f"x{place}")
        for place, (_, column) in enumerate(columns)
    ]
    return ",".join(name for name, _ in columns), ",".join(cells)


@examples(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    manners=st.lists(st.sampled_from(sorted(MANNERS)), max_size=12),
)
def test_accepted_and_quarantined_are_the_lines_of_any_family(
    family: str, manners: list[str]
) -> None:
    header, clean = header_of(FAMILIES[family])
    layout = layout_of(header, list(FAMILIES.values()))
    assert layout
    assert layout.family.name == family
    lines = [MANNERS[manner](clean) for manner in manners]
    with tempfile.TemporaryDirectory() as folder:
        file, home = Path(folder) / "trips.csv", Path(folder) / "home"
        text = "".join(f"{line}\n" for line in [header, *lines])
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        lake = Lake(str(home / "lake"), lambda: datetime(2026, 6, 1, tzinfo=UTC))
        settings = load(ROOT).model_copy(update={"home": home})
        context = Context(settings, lake, lake.clock)
        (outcome,) = [
            land(context, "sys", member, list(FAMILIES.values()), Secret("k" * 40))
            for member in members(file)
        ]
        counts = outcome.counts
        assert counts.received == sum(line.rstrip("\r") != "" for line in lines)
        assert counts.accepted + counts.quarantined == counts.received
        landed = lake.read(TRIP_ROW, ["line"]).column("line").to_pylist()
        dead = lake.read(DEAD_LETTER, ["position"]).column("position").to_pylist()
        assert sorted([*landed, *map(int, dead)]) == [
            number for number, line in enumerate(lines, start=2) if line.rstrip("\r")
        ]
        assert {n for n, manner in enumerate(manners, 2) if manner == "clean"} <= set(landed)
        told = lake.read(TRIP_FILE, ["received", "accepted", "quarantined"]).to_pylist()
        assert [tuple(row.values()) for row in told] == [
            (counts.received, counts.accepted, counts.quarantined)
        ]
        personal = any(c.treatment != KEEP for c in FAMILIES[family].columns.values())
        found = "".join(
            str(pq.read_table(one, partitioning=None).to_pylist())
            for one in home.rglob("*.parquet")
        )
        found += "".join(one.read_text() for one in home.rglob("*.json"))
        assert not personal or not TOLD.search(found)


TAKEN = {
    "bo12": "T4b", "bo17": "T1", "bo18": "T1", "ch_tr": "T3", "dc": "T4", "la": "T5", "lo": "T7",
    "mn_tr": "T4c", "ny": "T1",
}  # fmt: skip


@pytest.mark.real_data
def test_the_samples_of_seven_cities_land_whole(
    real_data: Path, context: Context, lake: Lake, key: Secret
) -> None:
    found = {}
    for file in sorted((real_data / "trip_headers").glob("*.csv")):
        (outcome,) = [
            land(context, file.stem, one, list(FAMILIES.values()), key) for one in members(file)
        ]
        if outcome.layout:
            assert outcome.counts.accepted == outcome.counts.received > 100
            assert not outcome.layout.undeclared
            found[file.stem] = outcome.layout.family.name
    assert found == TAKEN
    births = set(lake.read(TRIP_ROW, ["birth_year"]).column("birth_year").to_pylist())
    assert all(born is None or born.endswith("0") for born in births)


@pytest.mark.real_data
def test_a_year_of_the_bay_area_lands_whole_and_bikes_stay_apart(
    real_data: Path, context: Context, lake: Lake, key: Secret
) -> None:
    (outcome,) = [
        land(context, "babs", one, list(FAMILIES.values()), key)
        for one in members(real_data / "babs_2014" / "batrips.csv.gz")
    ]
    assert outcome.layout
    assert outcome.layout.family.name == "T8"
    assert outcome.counts.accepted == outcome.counts.received == 326_339
    bikes = set(lake.read(TRIP_ROW, ["bike_id"]).column("bike_id").to_pylist())
    assert 600 < len(bikes) < 800
    assert {len(bike) for bike in bikes} == {32}
