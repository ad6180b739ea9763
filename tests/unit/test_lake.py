"""The lake: appended once, whatever is repeated or happens at once; files readers can afford."""

import os
import shutil
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

from ingestion.lake import Lake
from ingestion.raw import RawTable, column, rows_of, typical
from mobilake.errors import MobilakeError, TransientError

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


def test_a_row_of_writes_of_one_name_lands_once_each(lake: Lake, thing: RawTable) -> None:
    kept = lake.keep(thing)
    for number, name in ((1, "a"), (1, "a"), (2, "b"), (1, "a"), (2, "b"), (3, "c")):
        lake.append(thing, things(thing, name), "me", number, into=kept)
    assert names(lake, thing) == ["a", "b", "c"]
    assert lake.append(thing, things(thing, "a"), "me", 3) == 0


def test_a_table_that_is_kept_open_sees_what_others_write(lake: Lake, thing: RawTable) -> None:
    kept = lake.keep(thing)
    lake.append(thing, things(thing, "a"))
    lake.append(thing, things(thing, "b"), into=kept)
    at_once(
        *[lambda: lake.append(thing, things(thing, "c"), into=lake.keep(thing))] * 3,
        *[lambda: lake.append(thing, things(thing, "c"))] * 3,
    )
    assert names(lake, thing) == ["a", "b", *["c"] * 6]


def test_a_table_that_has_gone_is_not_made_anew(lake: Lake, thing: RawTable) -> None:
    kept = lake.keep(thing)
    shutil.rmtree(lake.uri(thing))
    with pytest.raises(MobilakeError, match=r"is no longer there: is its disk mounted\?$"):
        lake.append(thing, things(thing, "a"), into=kept)
    assert not Path(lake.uri(thing)).exists()


def with_more_columns(table: RawTable) -> RawTable:
    more = [pa.field("more", pa.string()), pa.field("count", pa.int32())]
    return RawTable(table.name, table.description, pa.schema([*table.columns, *more]))


def test_columns_that_a_table_lacks_are_added(lake: Lake, thing: RawTable) -> None:
    lake.append(thing, things(thing, "old"))
    kept, wider = lake.keep(thing), with_more_columns(thing)
    assert lake.read(wider, ["name", "more", "count"]).to_pylist() == [
        {"name": "old", "more": None, "count": None}
    ]
    rows = rows_of(wider, [{"name": "new", "more": "m", "count": 5}])
    assert lake.append(wider, rows) == 1
    assert lake.append(wider, rows, into=kept) == 1
    assert lake.append_new(wider, rows_of(wider, [{"name": "newer"}]), "name", "all") == 1
    found = lake.read(wider, ["name", "more", "count"]).to_pylist()
    assert sorted(found, key=str)[0] == {"name": "new", "more": "m", "count": 5}
    assert len(found) == 4
    assert [one.name for one in lake.open(wider).schema().fields] == [
        "name", "body", "landed_at", "landed_on", "more", "count",
    ]  # fmt: skip


def test_columns_are_added_by_many_at_once(lake: Lake, thing: RawTable) -> None:
    for number in range(3):
        table = RawTable(f"thing_{number}", "", thing.columns)
        lake.append(table, things(table, "a"))
        wider = with_more_columns(table)
        rows = rows_of(wider, [{"name": "b", "more": "m"}])
        at_once(*[lambda wider=wider, rows=rows: lake.append(wider, rows)] * 4)
        assert names(lake, wider) == ["a", *"bbbb"]


def test_large_bodies_share_a_row_group_with_few_and_small_ones_with_many(
    lake: Lake, thing: RawTable
) -> None:
    for part in "ab":
        rows = [{"name": f"{part}{row}", "body": f"{part}{row:02}" * 200_000} for row in range(20)]
        lake.append(thing, rows_of(thing, rows))
    lake.append(thing, things(thing, *(f"small {row}" for row in range(100)), body="x"))
    sizes = sorted(size for file in live(lake, thing) for size in group_sizes(file))
    assert sizes == [2, 2, 6, 6, 6, 6, 6, 6, 36, 64]
    lake.compact(thing)
    (file,) = live(lake, thing)
    assert sum(group_sizes(file)) == 140
    assert max(group_sizes(file)) <= 8


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([], 0), ([(0, 0)], 0), ([(10, 100)], 10), ([(1000, 1000), (1, 9000)], 8100.1)],
)
def test_rows_count_by_their_size(sizes: list[tuple[int, int]], expected: float) -> None:
    assert typical(sizes) == pytest.approx(expected)


def many_small(lake: Lake, table: RawTable, clock: Any) -> None:
    """Forty files on two days, of 1 to 90 rows, with bodies longer than statistics may be."""
    for number in range(40):
        rows = [f"{number:02}-{row:02}" for row in range(1 + number * 37 % 90)]
        lake.append(table, things(table, *rows, body="x" * 64 + "TAIL"))
        if number == 19:
            clock.put_on(days=1)


def group_sizes(file: Path) -> list[int]:
    parquet = pq.ParquetFile(file).metadata
    return [parquet.row_group(number).num_rows for number in range(parquet.num_row_groups)]


def live(lake: Lake, table: RawTable) -> list[Path]:
    return [Path(uri) for uri in lake.open(table).file_uris()]


def test_compaction_merges_files_and_keeps_their_form(
    lake: Lake, thing: RawTable, clock: Any
) -> None:
    many_small(lake, thing, clock)
    columns = ["name", "body", "landed_at", "landed_on"]
    before = sorted(lake.read(thing, columns).to_pylist(), key=str)
    assert lake.compact(thing) == (40, 2)
    assert sorted(lake.read(thing, columns).to_pylist(), key=str) == before
    sizes = [size for file in live(lake, thing) for size in group_sizes(file)]
    assert sum(sizes) == len(before)
    assert max(sizes) <= thing.row_group_rows
    assert len(sizes) < len(before) / 32
    first = pq.ParquetFile(live(lake, thing)[0]).metadata.row_group(0)
    assert first.column(0).compression == "ZSTD"
    log = b"".join(file.read_bytes() for file in Path(lake.uri(thing), "_delta_log").iterdir())
    assert b"TAIL" not in log
    assert list(Path(lake.uri(thing), "_delta_log").glob("*.checkpoint.parquet"))
    assert lake.compact(thing) == (2, 2)


def test_compaction_leaves_other_writers_and_readers_alone(
    lake: Lake, thing: RawTable, clock: Any
) -> None:
    many_small(lake, thing, clock)
    reader = lake.open(thing)
    expected = names(lake, thing)
    kept = lake.keep(thing)
    every = [f"n{number}" for number in range(12)]

    def write() -> None:
        for number, name in enumerate(every, start=1):
            lake.append(thing, things(thing, name), "me", number, into=kept)

    at_once(
        write,
        lambda: lake.compact(thing),
        lambda: lake.append_new(thing, things(thing, "other"), "name", "all"),
    )
    assert names(lake, thing) == sorted([*expected, *every, "other"])
    assert all(Path(uri).exists() for uri in reader.file_uris()), "a reader has these open"
    assert sum(pq.read_metadata(uri).num_rows for uri in reader.file_uris()) == len(expected)
    assert lake.append(thing, things(thing, "n0"), "me", len(every)) == 0


def test_two_compactions_at_once_double_nothing(lake: Lake, thing: RawTable, clock: Any) -> None:
    """The format does not keep them apart: delta-rs commits both."""
    many_small(lake, thing, clock)
    expected, refused = names(lake, thing), []

    def compact() -> None:
        try:
            lake.compact(thing)
        except TransientError as error:
            refused.append(str(error))

    at_once(*[compact] * 4)
    assert names(lake, thing) == expected
    assert len(refused) <= 3
    assert all("(compact thing, lock" in sentence for sentence in refused)
    lake.sweep(thing, 0)
    assert lake.compact(thing) == (2, 2)


def test_compaction_brings_back_nothing_that_expired(
    lake: Lake, thing: RawTable, clock: Any
) -> None:
    for _ in range(3):
        many_small(lake, thing, clock)
        clock.put_on(days=1)
        lake.append(thing, things(thing, "young"))
        at_once(lambda: lake.compact(thing), lambda: lake.expire(thing, 0))
        assert set(names(lake, thing)) == {"young"}
        assert set(files(lake, thing)) >= set(live(lake, thing))


def test_files_that_were_merged_go_when_nobody_can_need_them(
    lake: Lake, thing: RawTable, clock: Any
) -> None:
    many_small(lake, thing, clock)
    before = files(lake, thing)
    lake.compact(thing)
    assert lake.sweep(thing, 7) == 0
    assert set(before) <= set(files(lake, thing))
    assert lake.sweep(thing, 0) == 40
    assert set(files(lake, thing)) == set(live(lake, thing))
    assert len(names(lake, thing)) == lake.read(thing, ["count(*) as n"]).to_pylist()[0]["n"]


def test_an_empty_table_is_compacted_to_nothing(lake: Lake, thing: RawTable) -> None:
    assert lake.compact(thing) == (0, 0)
    assert lake.sweep(thing, 7) == 0


def test_the_log_of_a_table_made_before_becomes_as_short_as_that_of_new_ones(
    lake: Lake, thing: RawTable
) -> None:
    lake.append(thing, things(thing, "a"))
    long = {"delta.logRetentionDuration": "interval 30 days"}
    lake.open(thing).alter.set_table_properties(long)
    lake.compact(thing)
    configuration = lake.open(thing).metadata().configuration
    assert configuration["delta.logRetentionDuration"] == "interval 1 days"
    assert configuration["delta.setTransactionRetentionDuration"] == "interval 30 days"


@pytest.mark.parametrize("days", [0, 1])
def test_expire_of_an_empty_table_is_nothing(lake: Lake, thing: RawTable, days: int) -> None:
    assert lake.expire(thing, days) == 0
