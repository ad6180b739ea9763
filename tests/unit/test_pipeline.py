"""A pass over a source: lands once, whatever killed the pass before; alone."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest

from ingestion.destination import job_name, lake_destination
from ingestion.lake import RawTable, column, rows_of
from ingestion.pipeline import ingest
from ingestion.source import Context, Source
from mobilake.errors import MobilakeError, TransientError
from mobilake.locks import alone


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is tried five times, a second apart, by dlt; once is enough here."""
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")


def source_of(
    table: RawTable, passes: Iterator[list[str]], meanwhile: Callable[[], object] = lambda: None
) -> Source:
    """A source whose every pass gives the next names; `meanwhile` happens when it has pulled."""

    def pull(context: Context) -> list[Any]:
        names = next(passes)

        @dlt.resource(name=table.name)
        def things() -> Iterator[Any]:
            yield rows_of(table, [{"name": name} for name in names])
            meanwhile()

        return [things]

    return Source("things", (table,), pull)


def landed(context: Context, table: RawTable) -> list[str]:
    return sorted(column(context.lake.read(table, ["name"]), "name"))


def test_rows_land_and_are_counted(context: Context, thing: RawTable) -> None:
    source = source_of(thing, iter([["a", "b"], []]))
    assert str(ingest(context, source)) == "things: 2 thing"
    assert str(ingest(context, source)) == "things: nothing new"
    assert landed(context, thing) == ["a", "b"]


def test_what_could_not_land_lands_once_with_the_next_pass(
    context: Context, thing: RawTable
) -> None:
    folder = Path(context.lake.uri(thing))
    aside = folder.with_name("aside")

    def break_lake() -> None:
        if not aside.exists():
            folder.rename(aside)
            folder.write_text("in the way")

    source = source_of(thing, iter([["a", "b"], ["c"], ["d"]]), break_lake)
    with pytest.raises(MobilakeError, match="pass over the source failed"):
        ingest(context, source)
    folder.unlink()
    aside.rename(folder)
    aside.mkdir()
    assert ingest(context, source).rows == {"thing": 3}
    assert ingest(context, source).rows == {"thing": 1}
    assert landed(context, thing) == ["a", "b", "c", "d"]


def test_what_was_pulled_by_a_killed_pass_displaces_nothing(
    context: Context, thing: RawTable
) -> None:
    source = source_of(thing, iter([["a"], ["b"]]))
    killed = dlt.pipeline(
        "ingest_things",
        pipelines_dir=str(context.settings.home / "pipelines"),
        destination=lake_destination(context.lake, {"thing": thing}, lambda name, rows: None),
        dataset_name="raw",
    )
    killed.extract(
        dlt.source(lambda: source.pull(context), name="things", max_table_nesting=0)(),
        loader_file_format="parquet",
    )
    assert ingest(context, source).rows == {"thing": 2}
    assert landed(context, thing) == ["a", "b"]


def test_a_pass_killed_as_it_had_normalized_lands_once_with_the_next(
    context: Context, thing: RawTable
) -> None:
    """The package was moved on, and what it was made of had not been removed yet."""
    source = source_of(thing, iter([["a"], ["b"]]))
    killed = dlt.pipeline(
        "ingest_things",
        pipelines_dir=str(context.settings.home / "pipelines"),
        destination=lake_destination(context.lake, {"thing": thing}, lambda name, rows: None),
        dataset_name="raw",
    )
    killed.extract(
        dlt.source(lambda: source.pull(context), name="things", max_table_nesting=0)(),
        loader_file_format="parquet",
    )
    extracted = Path(killed.working_dir) / "normalize" / "extracted"
    aside = extracted.with_name("aside")
    shutil.copytree(extracted, aside)
    killed.normalize()
    shutil.rmtree(extracted)
    aside.rename(extracted)
    assert ingest(context, source).rows == {"thing": 2}
    assert landed(context, thing) == ["a", "b"]


def test_a_job_run_again_after_its_commit_lands_once(context: Context, thing: RawTable) -> None:
    told: list[int] = []

    def die_once(name: str, rows: int) -> None:
        told.append(rows)
        if len(told) == 1:
            raise OSError("killed after the commit")

    pipeline = dlt.pipeline(
        "once",
        pipelines_dir=str(context.settings.home / "pipelines"),
        destination=lake_destination(context.lake, {"thing": thing}, die_once),
        dataset_name="raw",
    )
    rows = dlt.resource([rows_of(thing, [{"name": "a"}])], name="thing")
    with pytest.raises(Exception, match="killed after the commit"):
        pipeline.run(rows, loader_file_format="parquet")
    pipeline.load()
    assert told == [1, 0]
    assert landed(context, thing) == ["a"]


def test_a_job_keeps_its_name_when_it_is_tried_again() -> None:
    first, again = (job_name(Path(f"thing.5f0a.{tries}.parquet")) for tries in (0, 3))
    assert first == again == "thing.5f0a"


def test_a_second_process_on_a_source_is_refused(context: Context, thing: RawTable) -> None:
    lock = context.settings.home / "locks" / "ingest-things.lock"
    with (
        alone(lock, "ingest things"),
        pytest.raises(TransientError, match=r"^Another process is at it already \(ingest things"),
    ):
        ingest(context, source_of(thing, iter([["a"]])))


def test_a_mistake_of_the_user_keeps_its_sentence(context: Context, thing: RawTable) -> None:
    def pull(context: Context) -> list[Any]:
        raise MobilakeError("Register a system first.")

    with pytest.raises(MobilakeError, match=r"^Register a system first\.$"):
        ingest(context, Source("things", (thing,), pull))
