"""The lake: appended once, whatever is repeated or happens at once; files readers can afford."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.lake import Lake, RawTable, column, rows_of

MIDDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)
ANOTHER_PROCESS = """
import sys
from datetime import UTC, datetime
import pyarrow as pa
from ingestion.lake import Lake, RawTable, rows_of
table = RawTable("thing", "", pa.schema([pa.field("name", pa.string(), nullable=False),
                                         pa.field("body", pa.string())]))
lake = Lake(sys.argv[1], lambda: datetime(2026, 1, 5, 12, tzinfo=UTC))
rows = rows_of(table, [{"name": name} for name in sys.argv[3].split(",")])
if sys.argv[2] == "append":
    print(lake.append(table, rows, "job-1"))
else:
    print(sum(lake.append_new(table, rows.slice(at, 5), "name", "all")
              for at in range(0, rows.num_rows, 5)))
"""


def another_process(lake: Lake, write: str, names: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS, lake.root, write, ",".join(names)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def things(table: RawTable, *names: str, body: str | None = None) -> pa.Table:
    return rows_of(table, [{"name": name, "body": body} for name in names])


def names(lake: Lake, table: RawTable) -> list[str]:
    return sorted(column(lake.read(table, ["name"]), "name"))


def files(lake: Lake, table: RawTable) -> list[Path]:
    return sorted(Path(lake.uri(table)).glob("landed_on=*/*.parquet"))


def at_once(*calls: Callable[[], Any]) -> None:
    """Run all calls in threads that start together, and raise what any of them raised."""
    start, raised = threading.Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        start.wait()
        try:
            call()
        except Exception as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def test_a_table_is_made_when_it_is_opened(lake: Lake, thing: RawTable) -> None:
    delta = lake.open(thing)
    assert delta.version() == 0
    assert (delta.metadata().name, delta.metadata().description) == ("thing", "One row per thing.")
    assert delta.metadata().partition_columns == ["landed_on"]
    assert [one.name for one in delta.schema().fields] == ["name", "body", "landed_at", "landed_on"]
    assert lake.open(thing).version() == 0


def test_a_table_is_made_by_many_at_once(lake: Lake, thing: RawTable) -> None:
    for number in range(4):
        table = RawTable(f"thing_{number}", "", thing.columns)
        at_once(*[lambda table=table: lake.append(table, things(table, "a"))] * 6)
        assert names(lake, table) == ["a"] * 6


def test_append_adds_when_rows_landed(lake: Lake, thing: RawTable) -> None:
    assert lake.append(thing, things(thing, "a", "b").select(["body", "name"])) == 2
    rows = lake.read(thing, ["name", "body", "landed_at", "landed_on"]).to_pylist()
    landed = {"landed_at": MIDDAY, "landed_on": date(2026, 1, 5)}
    assert rows == [{"name": name, "body": None, **landed} for name in "ab"]


def test_no_rows_are_no_commit(lake: Lake, thing: RawTable) -> None:
    assert lake.append(thing, things(thing)) == 0
    assert lake.append_new(thing, things(thing), "name", "all") == 0
    assert lake.open(thing).version() == 0


def test_a_transaction_lands_once(lake: Lake, thing: RawTable) -> None:
    assert lake.append(thing, things(thing, "a"), "job-1") == 1
    assert lake.append(thing, things(thing, "a"), "job-1") == 0
    assert Lake(lake.root, lake.clock).append(thing, things(thing, "a"), "job-1") == 0
    assert another_process(lake, "append", ["a"]).communicate()[0].strip() == "0"
    assert lake.append(thing, things(thing, "a"), "job-2") == 1
    assert names(lake, thing) == ["a", "a"]


def test_a_transaction_lands_once_from_many_at_once(lake: Lake, thing: RawTable) -> None:
    lake.open(thing)
    at_once(*[lambda: lake.append(thing, things(thing, "a", "b"), "job-1")] * 4)
    assert names(lake, thing) == ["a", "b"]


@given(batches=st.lists(st.lists(st.sampled_from("abcdef'\u00e9"), max_size=6), max_size=4))
@settings(max_examples=15, deadline=None)
def test_append_new_keeps_each_key_once(thing: RawTable, batches: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder, lambda: MIDDAY)
        added = [lake.append_new(thing, things(thing, *batch), "name", "all") for batch in batches]
        union = {name for batch in batches for name in batch}
        assert names(lake, thing) == sorted(union)
        assert sum(added) == len(union)
        assert [lake.append_new(thing, things(thing, *b), "name", "all") for b in batches] == [
            0 for _ in batches
        ]


@given(
    writers=st.lists(
        st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1), min_size=1, max_size=3),
        min_size=2,
        max_size=3,
    )
)
@settings(max_examples=6, deadline=None)
def test_writers_at_once_lose_and_double_nothing(
    thing: RawTable, writers: list[list[list[str]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        added: list[int] = []

        def write(batches: list[list[str]]) -> None:
            own = Lake(folder, lambda: MIDDAY)
            for batch in batches:
                added.append(own.append_new(thing, things(thing, *batch), "name", "all"))

        at_once(*[lambda batches=batches: write(batches) for batches in writers])
        union = {name for batches in writers for batch in batches for name in batch}
        assert names(Lake(folder, lambda: MIDDAY), thing) == sorted(union)
        assert sum(added) == len(union)


def test_processes_at_once_lose_and_double_nothing(lake: Lake, thing: RawTable) -> None:
    every = [f"{number:03}" for number in range(60)]
    both = [
        another_process(lake, "append_new", every[:45]),
        another_process(lake, "append_new", every[:14:-1]),
    ]
    assert sum(int(process.communicate()[0]) for process in both) == 60
    assert names(lake, thing) == every


def test_row_groups_are_small_and_bodies_stay_out_of_the_log(lake: Lake, thing: RawTable) -> None:
    lake.append(thing, things(thing, *map(str, range(200)), body="x" * 64 + "TAIL"))
    for file in files(lake, thing):
        parquet = pq.ParquetFile(file).metadata
        groups = [parquet.row_group(number).num_rows for number in range(parquet.num_row_groups)]
        assert max(groups) <= 64
        assert sum(groups) == 200
    log = b"".join(file.read_bytes() for file in Path(lake.uri(thing), "_delta_log").iterdir())
    assert b"minValues" in log
    assert b"TAIL" not in log


def test_read_takes_columns_and_a_condition(lake: Lake, thing: RawTable) -> None:
    assert lake.read(thing, ["name"]).num_rows == 0
    lake.append(thing, things(thing, "a", "b"))
    assert lake.read(thing, ["name"], "name > 'a'").to_pylist() == [{"name": "b"}]


def test_expire_deletes_old_days_and_their_files(lake: Lake, thing: RawTable, clock: Any) -> None:
    lake.append(thing, things(thing, "old"))
    old = files(lake, thing)
    clock.put_on(days=30)
    lake.append(thing, things(thing, "young"))
    assert lake.expire(thing, 30) == 0
    clock.put_on(days=1)
    assert lake.expire(thing, 30) == 1
    assert names(lake, thing) == ["young"]
    assert not [file for file in old if file.exists()]
    assert len(files(lake, thing)) == 1
    assert lake.expire(thing, 30) == 0


def test_expire_sweeps_what_dead_writers_left(lake: Lake, thing: RawTable, clock: Any) -> None:
    lake.append(thing, things(thing, "old"))
    left, under_way = (files(lake, thing)[0].with_name(f"{name}.parquet") for name in ("x", "y"))
    for file in (left, under_way):
        file.write_bytes(files(lake, thing)[0].read_bytes())
    os.utime(left, (0, 0))
    clock.put_on(days=31)
    lake.append(thing, things(thing, "young"))
    lake.expire(thing, 30)
    assert not left.exists()
    assert under_way.exists()


@pytest.mark.parametrize("days", [0, 1])
def test_expire_of_an_empty_table_is_nothing(lake: Lake, thing: RawTable, days: int) -> None:
    assert lake.expire(thing, days) == 0
