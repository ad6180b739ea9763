"""Somebody is taken out of every raw table, its files and its log; nothing else changes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import upkeep
from ingestion.dead_letters import DEAD_LETTER
from ingestion.erasure import ERASURE, Erased, Sought, erase, without
from ingestion.lake import Lake, RawTable, rows_of
from ingestion.privacy import RESTRICTED, pseudonym, seal
from ingestion.raw import BLANK, ITEMS, ROW, Subject
from mobilake.secrets import Secret

KEYS = (Secret("a" * 40), Secret("b" * 40, 2))
GONE, STAYS = "scooter-77", "scooter-78"
DOCUMENT = RawTable(
    "document",
    "One row per document.",
    pa.schema(
        [
            pa.field("name", pa.string(), nullable=False),
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("body", pa.string()),
            pa.field("erased_at", pa.timestamp("us", "UTC")),
        ]
    ),
    key="name",
    subjects=(Subject("body", ITEMS),),
)
RIDE = RawTable(
    "ride",
    "One row per ride.",
    pa.schema([pa.field("line", pa.int64()), pa.field("bike_id", pa.string())]),
    subjects=(Subject("bike_id", BLANK),),
)
REPORT = RawTable(
    "report",
    "One row per rider's report.",
    pa.schema([pa.field("rider_id", pa.string()), pa.field("note", pa.string())]),
    subjects=(Subject("rider_id", ROW),),
)
TABLES = (DOCUMENT, RIDE, REPORT, DEAD_LETTER, RESTRICTED)


def body(*vehicles: str, key: Secret) -> str:
    bikes = [{"bike_id": pseudonym(one, key), "lat": 1.5} for one in vehicles]
    return json.dumps({"data": {"bikes": bikes}})


def dead(name: str, payload: str | None) -> dict[str, object]:
    given = {"dead_letter_id": name, "payload": payload}
    return {"origin": "file", "position": "3", "reason": "not JSON", **given}


@pytest.fixture
def filled(lake: Lake) -> Lake:
    one, two = KEYS
    add = {
        DOCUMENT: [
            {"name": "old", "system_id": "a", "body": body(GONE, STAYS, key=one)},
            {"name": "new", "system_id": "a", "body": body(STAYS, GONE, key=two)},
            {"name": "none", "system_id": "a", "body": body(STAYS, key=two)},
            {"name": "odd", "system_id": "a", "body": f"not JSON {pseudonym(GONE, one)}"},
            {"name": "other", "system_id": "b", "body": body(GONE, key=one)},
        ],
        RIDE: [
            {"line": number, "bike_id": pseudonym(bike, key)}
            for number, (bike, key) in enumerate([(GONE, one), (STAYS, one), (GONE, two)])
        ],
        REPORT: [
            {"rider_id": pseudonym(GONE, one), "note": "flat tyre"},
            {"rider_id": pseudonym(STAYS, one), "note": "no bell"},
        ],
        DEAD_LETTER: [
            dead("bare", f'{{"id": "{GONE}"'),
            dead("longer", f"{GONE}0"),
            dead("none", None),
        ],
        RESTRICTED: [
            {"reference_id": "a", "origin": "poll", "sealed": seal(f"x,{GONE},y", one)},
            {"reference_id": "b", "origin": "poll", "sealed": seal(STAYS, two)},
            {"reference_id": "c", "origin": "poll", "sealed": seal(GONE, Secret("c" * 40))},
        ],
    }
    for table, rows in add.items():
        lake.append(table, rows_of(table, rows))
    return lake


def seen(lake: Lake, table: RawTable) -> list[dict[str, object]]:
    names = [field.name for field in table.schema]
    return sorted(lake.read(table, names).to_pylist(), key=str)


def everything(lake: Lake) -> dict[str, object]:
    return {table.name: seen(lake, table) for table in TABLES}


def traces(lake: Lake, *names: str) -> list[str]:
    """Return the files of the lake that hold one of the names, whatever format they are in."""
    found = []
    for file in Path(lake.root).rglob("*"):
        if file.suffix == ".parquet":
            content = str(pq.read_table(file, partitioning=None).to_pylist())
        elif file.is_file():
            content = file.read_text()
        else:
            continue
        found += [file.name for name in names if name in content]
    return found


def run(lake: Lake) -> tuple[Erased, ...]:
    sought = Sought.by_id([f" {GONE} "], KEYS, ("system_id", "a"))
    return erase(lake, TABLES, sought, lambda line: None)


def test_somebody_goes_from_every_table_under_every_key(filled: Lake) -> None:
    before = everything(filled)
    erased = run(filled)
    assert {one.table: one.rows for one in erased} == {
        "document": 3, "ride": 2, "report": 1, "dead_letter": 1, "restricted": 1,
    }  # fmt: skip
    assert [one.unreadable for one in erased] == [0, 0, 0, 0, 1]
    documents = {str(row["name"]): row for row in seen(filled, DOCUMENT)}
    assert documents["odd"]["body"] is None
    for name, key in (("old", KEYS[0]), ("new", KEYS[1])):
        assert json.loads(str(documents[name]["body"])) == json.loads(body(STAYS, key=key))
    changed = {name for name, row in documents.items() if row["erased_at"]}
    assert changed == {"old", "new", "odd"}
    assert [documents[name] for name in ("none", "other")] == [
        row
        for row in before["document"]
        if row["name"] in ("none", "other")  # type: ignore[attr-defined]
    ]
    stays = pseudonym(STAYS, KEYS[0])
    assert sorted(str(row["bike_id"]) for row in seen(filled, RIDE)) == sorted(
        ["None", "None", stays]
    )
    assert [row["note"] for row in seen(filled, REPORT)] == ["no bell"]
    payloads = {str(row["dead_letter_id"]): row["payload"] for row in seen(filled, DEAD_LETTER)}
    assert payloads == {"bare": None, "longer": f"{GONE}0", "none": None}
    assert [row["reference_id"] for row in seen(filled, RESTRICTED)] == ["b", "c"]


def test_no_file_and_no_log_remembers_them(filled: Lake) -> None:
    filled.append(RIDE, rows_of(RIDE, [{"line": 9, "bike_id": pseudonym(GONE, KEYS[0])}]))
    names = [pseudonym(GONE, key) for key in KEYS]
    assert len(traces(filled, *names)) > 4
    erase(filled, TABLES, Sought.by_id([GONE], KEYS, None), lambda line: None)
    assert not traces(filled, *names)


def test_a_second_time_finds_nothing_and_changes_nothing(filled: Lake) -> None:
    run(filled)
    once = everything(filled)
    assert not any(one.rows for one in run(filled))
    assert everything(filled) == once


def test_the_account_says_what_was_done_and_to_nobody_by_name(filled: Lake) -> None:
    run(filled)
    rows = seen(filled, ERASURE)
    assert len({row["erasure_id"] for row in rows}) == 1
    assert {(row["raw_table"], row["rows_found"]) for row in rows} >= {("ride", 2), ("report", 1)}
    assert {row["key_versions"] for row in rows} == {"1, 2"}
    assert GONE not in str(rows)
    assert not any(pseudonym(GONE, key) in str(rows) for key in KEYS)


@pytest.mark.parametrize("step", range(1, 12))
def test_what_a_killed_process_left_the_next_call_completes(
    filled: Lake, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    steps = iter(range(1, 100))
    killed = RuntimeError("killed")

    def dying(name: str):  # type: ignore[no-untyped-def]
        original = getattr(upkeep, name)

        def call(*others: object, **named: object) -> object:
            if next(steps) == step:
                raise killed
            return original(*others, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("replace", "blank", "remove", "forget", "sweep"):
            patch.setattr(upkeep, name, dying(name))
        with pytest.raises(RuntimeError, match="killed"):
            run(filled)
    run(filled)
    assert not any(one.rows for one in run(filled))
    assert len(seen(filled, DOCUMENT)) == 5
    assert len(seen(filled, RIDE)) == 3


def test_rows_that_land_meanwhile_stay(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = upkeep.replace
    late = iter(range(3))

    def overtaken(*others: object) -> None:
        for number in late:
            row = {"name": f"late{number}", "system_id": "a", "body": "{}"}
            filled.append(DOCUMENT, rows_of(DOCUMENT, [row]))
        replace(*others)  # type: ignore[arg-type]

    monkeypatch.setattr(upkeep, "replace", overtaken)
    run(filled)
    assert {row["name"] for row in seen(filled, DOCUMENT)} >= {"late0", "late1", "late2", "old"}


def test_a_pseudonym_alone_will_do(filled: Lake) -> None:
    one = pseudonym(GONE, KEYS[0])
    sought = Sought(frozenset(), frozenset([one]), KEYS)
    erase(filled, TABLES, sought, lambda line: None)
    left = [str(row["bike_id"]) for row in seen(filled, RIDE)]
    assert one not in left
    assert pseudonym(GONE, KEYS[1]) in left


def leaves(node: object) -> Iterator[object]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield name
            yield from leaves(value)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value)
    else:
        yield node


WORDS = st.sampled_from(["p1", "x", "https://a/p1"]) | st.integers(0, 3) | st.none()


@given(
    st.recursive(
        WORDS,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["a", "b", "p1"]), inner, max_size=3)
        ),
        max_leaves=20,
    )
)
@settings(max_examples=200, deadline=None)
def test_no_document_holds_a_pseudonym_afterwards(document: object) -> None:
    cleaned = without(document, frozenset(["p1"]))
    assert not any("p1" in str(leaf) for leaf in leaves(cleaned))
    if not any("p1" in str(leaf) for leaf in leaves(document)):
        assert cleaned == document


def test_an_id_is_found_as_a_whole_word() -> None:
    sought = Sought.by_id(["7"], KEYS, None)
    assert sought.is_in('{"id": "7"}')
    assert not sought.is_in("17, 70, 1.71")
