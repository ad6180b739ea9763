"""Trip files on their way into the lake: once, with each line accounted for, nobody's data bare."""

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingestion.dead_letters import DEAD_LETTER
from ingestion.importer import IMPORT_FILE
from ingestion.lake import Lake, RawTable
from ingestion.privacy import RESTRICTED, pseudonym, unseal
from ingestion.source import Context
from ingestion.sources.trips.families import KEEP, Column, layout_of, read_families
from ingestion.sources.trips.landing import Outcome, land
from ingestion.sources.trips.lines import chunks
from ingestion.sources.trips.members import members, readable
from ingestion.sources.trips.rows import parse
from ingestion.sources.trips.tables import TRIP_FILE, TRIP_ROW
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret

ROOT = Path(__file__).parents[2]
FAMILIES = read_families(ROOT)
T2 = (
    "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,"
    "end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
)
RIDE = "{},classic_bike,2026-05-01 10:00:00,2026-05-01 10:12:00,A St,1.01,B St,1.02,1,2,3,4,member"
T3 = (
    "trip_id,starttime,stoptime,bikeid,tripduration,from_station_id,from_station_name,"
    "to_station_id,to_station_name,usertype,gender,birthyear"
)
PERSONAL = "{},1/1/2016 9:00,1/1/2016 9:10,5076,600,1,A,2,B,Subscriber,Female,1984"

Import = Callable[..., list[Outcome]]


@pytest.fixture
def take_in(context: Context, key: Secret, tmp_path: Path) -> Import:
    def take(content: str | bytes, name: str = "202605.csv") -> list[Outcome]:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [land(context, "sys", member, FAMILIES, key) for member in members(file)]

    return take


def rows(lake: Lake, table: RawTable) -> list[dict[str, object]]:
    return lake.read(table, [field.name for field in table.columns]).to_pylist()


def text(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_a_line_lands_as_text_by_the_fields_of_its_family(take_in: Import, lake: Lake) -> None:
    take_in(text(T2, RIDE.format("A1"), "", RIDE.format("A2")))
    first, second = sorted(rows(lake, TRIP_ROW), key=lambda row: str(row["line"]))
    assert (first["line"], first["ride_id"], first["family"]) == (2, "A1", "T2")
    assert (first["start_station_id"], first["end_lng"]) == ("1.01", "4")
    assert (first["bike_id"], first["duration"]) == (None, None)
    assert (second["line"], second["ride_id"]) == (4, "A2")


def test_a_content_lands_once_under_whatever_name(take_in: Import, lake: Lake) -> None:
    content = text(T2, RIDE.format("A1"))
    take_in(content)
    (again,) = take_in(gzip.compress(content.encode()), "other.csv.gz")
    assert (again.counts.accepted, again.counts.known) == (0, 1)
    assert len(rows(lake, TRIP_ROW)) == len(rows(lake, TRIP_FILE)) == 1
    assert sorted(str(row["known"]) for row in rows(lake, IMPORT_FILE)) == ["0", "1"]


def test_a_corrected_file_lands_beside_the_one_of_its_name(take_in: Import, lake: Lake) -> None:
    take_in(text(T2, RIDE.format("A1")))
    take_in(zipped(**{"data/202605.csv": text(T2, RIDE.format("A2")).encode()}), "fixed.zip")
    assert {row["file"] for row in rows(lake, TRIP_FILE)} == {"202605"}
    assert len({row["file_id"] for row in rows(lake, TRIP_FILE)}) == 2
    assert len(rows(lake, TRIP_ROW)) == 2


def test_an_import_that_was_killed_goes_on(
    take_in: Import, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = text(T2, *(RIDE.format(f"A{number}") for number in range(20)))
    monkeypatch.setattr("ingestion.sources.trips.landing.CHUNK_BYTES", 300)
    killed = RuntimeError("killed")
    append = Lake.append

    def dies(self: Lake, table: RawTable, *others: object, **named: object) -> int:
        if table is TRIP_ROW and len(rows(lake, TRIP_ROW)) > 3:
            raise killed
        return append(self, table, *others, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", dies)
        with pytest.raises(RuntimeError):
            take_in(whole)
    assert 3 < len(rows(lake, TRIP_ROW)) < 20
    assert not rows(lake, TRIP_FILE)
    take_in(whole)
    assert sorted(int(str(row["line"])) for row in rows(lake, TRIP_ROW)) == list(range(2, 22))
    assert [row["accepted"] for row in rows(lake, TRIP_FILE)] == [20]


def test_zips_give_their_members_and_those_of_zips_in_them(take_in: Import, lake: Lake) -> None:
    inner = zipped(**{"b.csv": text(T2, RIDE.format("B1")).encode()})
    packed = zipped(
        **{
            "a.csv": text(T2, RIDE.format("A1")).encode(),
            "06/inner.zip": inner,
            "stations.csv": b"id,name\n1,A St\n",
            "__MACOSX/a.csv": b"\x00",
            "readme.pdf": b"%PDF",
        }
    )
    outcomes = take_in(packed, "2026.zip")
    assert [(one.member.origin, bool(one.layout)) for one in outcomes] == [
        ("2026.zip/a.csv", True),
        ("2026.zip/06/inner.zip/b.csv", True),
        ("2026.zip/stations.csv", False),
    ]
    assert {row["ride_id"] for row in rows(lake, TRIP_ROW)} == {"A1", "B1"}


@pytest.mark.parametrize("name", ["cut.zip", "cut.csv.gz"])
def test_a_damaged_file_is_one_sentence(take_in: Import, tmp_path: Path, name: str) -> None:
    content = text(T2, *(RIDE.format(number) for number in range(500))).encode()
    packed = zipped(**{"a.csv": content}) if name.endswith("zip") else gzip.compress(content)
    with pytest.raises(MobilakeError, match="fetch it again"), readable(tmp_path / name):
        take_in(packed[: len(packed) // 2], name)


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", ""), ("utf-8-sig", ""), ("cp1252", ""), ("utf-16", ""), ("utf-16-be", "\ufeff")],
)
def test_any_encoding_gives_the_same_text(
    take_in: Import, lake: Lake, encoding: str, mark: str
) -> None:
    ride = RIDE.format("A1").replace("A St", "Størgata – Ø")
    take_in((mark + text(T2, ride)).replace("\n", "\r\n").encode(encoding))
    (row,) = rows(lake, TRIP_ROW)
    assert (row["start_station_name"], row["rider_type"]) == ("Størgata – Ø", "member")


def test_spreadsheets_of_europe_are_read(take_in: Import, lake: Lake) -> None:
    header, ride = (line.replace(",", ";") for line in (T2, RIDE.format("A1")))
    take_in(text(header, ride.replace(";1;2;", ";40,7;-73,9;"), ride + ";;;"))
    found = sorted(rows(lake, TRIP_ROW), key=lambda row: str(row["line"]))
    assert [(row["start_lat"], row["line"]) for row in found] == [("40,7", 2), ("1", 3)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A1,classic_bike", "2 columns, where the header has 13"),
        (RIDE.format('"A1'), "its quotes do not pair"),
    ],
)
def test_a_line_that_cannot_be_read_is_a_dead_letter(
    take_in: Import, lake: Lake, line: str, reason: str
) -> None:
    good = RIDE.format('"A,2"')
    (outcome,) = take_in(text(T2, good, line, good, good))
    (dead,) = rows(lake, DEAD_LETTER)
    assert (dead["position"], dead["reason"], dead["payload"]) == ("3", reason, line)
    assert sorted(str(row["line"]) for row in rows(lake, TRIP_ROW)) == ["2", "4", "5"]
    counts = outcome.counts
    assert (counts.received, counts.accepted, counts.quarantined) == (4, 3, 1)


def test_a_line_longer_than_its_header_is_sealed(take_in: Import, lake: Lake, key: Secret) -> None:
    line = RIDE.format("A1") + ",ann@example.org"
    take_in(text(T2, line))
    (dead,) = rows(lake, DEAD_LETTER)
    assert (dead["payload"], dead["reason"]) == (None, "14 columns, where the header has 13")
    (sealed,) = rows(lake, RESTRICTED)
    assert unseal(str(sealed["sealed"]), key) == line


def test_no_personal_value_lands_bare(take_in: Import, lake: Lake, key: Secret) -> None:
    take_in(text(T3, PERSONAL.format(1), PERSONAL.format(2) + ",surplus"))
    (row,) = rows(lake, TRIP_ROW)
    assert row["bike_id"] == pseudonym("5076", key)
    assert row["birth_year"] == "1980"
    (dead,) = rows(lake, DEAD_LETTER)
    (sealed,) = rows(lake, RESTRICTED)
    assert dead["payload"] is None
    assert unseal(str(sealed["sealed"]), key).endswith(",surplus")
    everything = str([rows(lake, table) for table in (TRIP_ROW, DEAD_LETTER, RESTRICTED)])
    assert not re.search("5076|Female|1984", everything)


def test_what_is_declared_since_is_taken_in_when_imported_again(
    context: Context, lake: Lake, key: Secret, tmp_path: Path
) -> None:
    file = tmp_path / "202605.csv"
    file.write_text(text(T2 + ",route", RIDE.format("A1") + ",Round Trip"))
    t2 = next(family for family in FAMILIES if family.name == "T2")
    declared = replace(t2, columns={**t2.columns, "route": Column("route_category", KEEP)})
    for family in (t2, declared):
        (outcome,) = [land(context, "sys", member, [family], key) for member in members(file)]
        assert outcome.counts.accepted == 1
    assert {row["route_category"] for row in rows(lake, TRIP_ROW)} == {None, "Round Trip"}
    assert {row["undeclared"] for row in rows(lake, TRIP_FILE)} == {"route", None}


@examples(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=st.lists(
        st.one_of(
            st.just(RIDE.format("A")),
            st.just(""),
            st.text(alphabet="ab,\"; \t\u00e6'", max_size=30),
        ),
        max_size=12,
    ),
    size=st.integers(1, 400),
)
def test_accepted_and_quarantined_are_the_lines_whatever_they_are(
    lines: list[str], size: int
) -> None:
    layout = layout_of(T2, FAMILIES)
    assert layout
    whole = "\n".join([T2, *lines]).encode()
    given_lines = {number: line for number, line in enumerate(lines, 2) if line}
    accepted, unread = [], {}
    for chunk in list(chunks(io.BytesIO(whole), size))[1:]:
        parsed = parse(chunk, layout)
        accepted += [line for one in parsed.tables for line in one.column("line").to_pylist()]
        unread |= {one.line: one.text for one in parsed.unread}
    assert sorted([*accepted, *unread]) == sorted(given_lines)
    assert {number: given_lines[number] for number in unread} == unread
    good = {number for number, line in given_lines.items() if line == RIDE.format("A")}
    assert good <= set(accepted)
