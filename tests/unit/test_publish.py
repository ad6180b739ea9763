"""Publishing: generations appear whole, readers never see two mixed, held systems stay behind."""

import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mobilake.settings import Publication as Choices
from mobilake.settings import Settings
from mobilake.steps import summary
from mobilake.transform import Transformed
from quality.gate import Check, Verdict
from serving.publish import Publication, current, generations, publish

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def build(settings: Settings, number: int, *more: str) -> None:
    """Make gold with a number that two marts agree on, for two systems."""
    settings.home.mkdir(exist_ok=True)
    with duckdb.connect(str(settings.gold)) as connection:
        connection.execute("create schema if not exists gold.gold; use gold.gold")
        rows = f"select * from (values ('a', {number}), ('b', {number})) as it (system_id, n)"
        connection.execute(f"create or replace table mart_one as {rows}")
        connection.execute(f"create or replace table mart_two as {rows}")
        for statement in more:
            connection.execute(statement)


def release(settings: Settings, *held: str, checks: tuple[Check, ...] = ()) -> Publication:
    verdict = Verdict(checks, dict.fromkeys(held, "why"))
    return publish(settings, verdict, Transformed("run-1", (), 1.0, NOW), ["mart_one"], NOW)


def ask(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def marts(settings: Settings, mart: str = "mart_one") -> list[tuple[Any, ...]]:
    return ask(settings.marts, f"select system_id, n from gold.{mart} order by 1")


def test_generations_count_up_and_the_link_shows_the_last(settings: Settings) -> None:
    assert current(settings) is None
    for number in (1, 2):
        build(settings, number)
        published = release(settings)
        assert published.generation == number
        assert published.file.name == f"marts-00000{number}.duckdb"
        assert current(settings) == published.file
        assert marts(settings) == [("a", number), ("b", number)]
    assert settings.marts.readlink() == Path("marts-000002.duckdb")
    assert published.previous == settings.serving / "marts-000001.duckdb"
    assert ask(published.previous, "select max(n) from gold.mart_one") == [(1,)]


def test_a_generation_is_read_only_and_gold_stays(settings: Settings) -> None:
    build(settings, 1)
    file = release(settings).file
    assert stat.S_IMODE(file.stat().st_mode) == 0o444
    build(settings, 2)
    assert marts(settings) == [("a", 1), ("b", 1)]
    left = {path.name for path in settings.serving.iterdir()}
    assert left == {"marts-000001.duckdb", "marts.duckdb"}


def test_the_oldest_generations_go(settings: Settings) -> None:
    few = settings.model_copy(update={"publication": Choices(keep_generations=2)})
    for number in range(1, 5):
        build(few, number)
        release(few)
    assert [number for number, _ in generations(few)] == [3, 4]


def test_readers_put_back_to_an_old_generation_keep_it(settings: Settings) -> None:
    few = settings.model_copy(update={"publication": Choices(keep_generations=2)})
    build(few, 1)
    first = release(few).file
    release(few)
    few.marts.unlink()
    few.marts.symlink_to(first.name)
    published = release(few)
    assert (published.generation, published.previous) == (3, first)
    assert [number for number, _ in generations(few)] == [1, 2, 3]


def test_what_a_killed_process_left_is_swept(settings: Settings) -> None:
    build(settings, 1)
    release(settings)
    left = [
        settings.serving / name
        for name in (".marts-000002.draft", ".marts-000002.draft.wal", ".marts.duckdb.draft")
    ]
    for file in left[:2]:
        file.write_bytes(b"half")
    left[2].symlink_to("nowhere")
    unread = settings.serving / "marts-000002.duckdb"
    unread.write_bytes(b"renamed, but not pointed at")
    assert release(settings).generation == 3
    assert not [file for file in left if file.exists() or file.is_symlink()]
    assert ask(settings.marts, "select generation from gold.publication order by 1") == [(1,), (3,)]


def test_what_a_killed_build_left_in_its_log_is_published(settings: Settings) -> None:
    build(settings, 1)
    wal = settings.gold.with_name("gold.duckdb.wal")
    connection = duckdb.connect(str(settings.gold))
    connection.execute(
        "set checkpoint_threshold = '1GB'; insert into gold.gold.mart_two values ('c', 1)"
    )
    copies = {path: path.read_bytes() for path in (settings.gold, wal)}
    connection.close()
    for path, content in copies.items():
        path.write_bytes(content)
    release(settings)
    assert ("c", 1) in marts(settings, "mart_two")


def test_a_held_system_keeps_the_rows_it_had(settings: Settings) -> None:
    build(settings, 1)
    release(settings)
    build(settings, 2)
    assert str(release(settings, "a")) == "generation 2, held back: a"
    assert marts(settings) == [("a", 1), ("b", 2)]
    assert marts(settings, "mart_two") == [("a", 2), ("b", 2)]
    build(settings, 3)
    release(settings, "a", "nobody")
    assert marts(settings) == [("a", 1), ("b", 3)]
    release(settings)
    assert marts(settings) == [("a", 3), ("b", 3)]


def test_a_system_held_from_the_first_is_absent(settings: Settings) -> None:
    build(settings, 1)
    release(settings, "a")
    assert marts(settings) == [("b", 1)]


@pytest.mark.parametrize(
    "change",
    [
        "alter table mart_one add column more integer",
        "alter table mart_one alter n type bigint",
    ],
)
def test_a_held_system_is_absent_when_the_columns_changed(settings: Settings, change: str) -> None:
    build(settings, 1)
    release(settings)
    build(settings, 2, change)
    release(settings, "a")
    assert marts(settings) == [("b", 2)]


def test_the_order_of_columns_does_not_matter_to_a_held_system(settings: Settings) -> None:
    build(settings, 1)
    release(settings)
    build(settings, 2, "create or replace table mart_one as select n, system_id from mart_one")
    release(settings, "a")
    assert marts(settings) == [("a", 1), ("b", 2)]


def test_each_generation_says_what_it_is(settings: Settings) -> None:
    checks = (Check("dbt", "x", "passed"), Check("contract", "y", "warned", "2 rows"))
    build(settings, 1)
    release(settings, "a", checks=checks)
    release(settings)
    told = ask(settings.marts, "select * exclude (code_version) from gold.publication order by 1")
    at = NOW.replace(tzinfo=None)
    assert told == [
        (1, at, "run-1", '{"a": "why"}', 1, 1, '["y (2 rows)"]', at),
        (2, at, "run-1", "{}", 0, 0, "[]", at),
    ]
    assert ask(settings.marts, "select count(*) from gold.publication where code_version = ''") == [
        (0,)
    ]


@pytest.mark.parametrize(
    ("query", "new"),
    [
        ("select 'rows', 'one', count(*) from gold.mart_one", 0),
        ("select 'rows', 'one', sum(more) from gold.mart_one", 6),
        ("select 'rows', 'one', count(*) from gold.mart_three", 2),
    ],
    ids=["asked before", "a column that is new", "a mart that is new"],
)
def test_the_summary_bears_with_older_generations(settings: Settings, query: str, new: int) -> None:
    (settings.root / "summary.sql").write_text(query)
    asked = settings.model_copy(update={"publication": Choices(summary=Path("summary.sql"))})
    build(asked, 1)
    assert release(asked).previous is None
    build(
        asked,
        2,
        "alter table mart_one add column more integer default 3",
        "create table mart_three as select * from mart_two",
    )
    ((section, item, value, difference),) = summary(asked, release(asked))
    assert (section, item, difference) == ("rows", "one", new)
    assert value == new or difference == 0


def test_readers_see_one_generation_whatever_is_published(settings: Settings) -> None:
    build(settings, 0)
    release(settings)
    done, raised, seen = threading.Event(), [], []
    both = "select (select min(n) from gold.mart_one), (select max(n) from gold.mart_two)"

    def read() -> None:
        try:
            while not done.wait(0.005):
                seen.extend(ask(settings.marts, both))
        except duckdb.Error as error:
            raised.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 21):
        build(settings, number)
        release(settings)
    done.set()
    for reader in readers:
        reader.join()
    assert raised == []
    assert [pair for pair in seen if pair[0] != pair[1]] == []
    assert len(set(seen)) > 2
    assert marts(settings) == [("a", 20), ("b", 20)]
