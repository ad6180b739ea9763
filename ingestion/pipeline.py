"""One pass over a source: pull, land, and say how many rows came."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.pipeline import LoadInfo
from dlt.pipeline.exceptions import PipelineStepFailed

from ingestion.destination import lake_destination
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Source
from mobilake.errors import MobilakeError, explain
from mobilake.locks import alone


@dataclass(frozen=True)
class Landed:
    """How many rows a pass added to each raw table."""

    source: str
    rows: dict[str, int]

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {table}" for table, count in sorted(self.rows.items()))
        return f"{self.source}: {counts or 'nothing new'}"


def ingest(context: Context, source: Source) -> Landed:
    """Pull a source once and land what it gives.

    What an earlier pass left half done (a process killed between pulling and landing) is landed
    first, once: dlt would land it in the place of what is pulled now.

    Raises:
        TransientError: another process is ingesting this source.
    """
    settings = context.settings
    with ingesting(context, source):
        counts: Counter[str] = Counter()
        for table in source.tables:
            context.lake.open(table)
        pipeline = _pipeline(context, source, counts)
        with _told():
            _land_rest(pipeline)
            _run(pipeline, source, context)
        if RESTRICTED in source.tables:
            context.lake.expire(RESTRICTED, settings.privacy.restricted_days)
        return Landed(source.name, {name: rows for name, rows in counts.items() if rows})


def ingesting(context: Context, source: Source) -> AbstractContextManager[None]:
    """Hold the lock of a source: one pass at a time."""
    name = source.name
    return alone(context.settings.home / "locks" / f"ingest-{name}.lock", f"ingest {name}")


def clear(context: Context, source: Source) -> None:
    """Land what an earlier pass left half done, and remove what dlt keeps of passes.

    The lock of the source is to be held.
    """
    if (_folder(context) / _name(source)).exists():
        pipeline = _pipeline(context, source, Counter())
        with _told():
            _land_rest(pipeline)
        shutil.rmtree(pipeline.working_dir)


def _land_rest(pipeline: dlt.Pipeline) -> None:
    _forget_normalized(pipeline)
    pipeline.normalize()
    pipeline.load(raise_on_failed_jobs=True)


def _pipeline(context: Context, source: Source, counts: Counter[str]) -> dlt.Pipeline:
    return dlt.pipeline(
        pipeline_name=_name(source),
        pipelines_dir=str(_folder(context)),
        destination=lake_destination(
            context.lake,
            {table.name: table for table in source.tables},
            lambda name, rows: counts.update({name: rows}),
        ),
        dataset_name="raw",
    )


def _folder(context: Context) -> Path:
    return context.settings.home / "pipelines"


def _name(source: Source) -> str:
    return f"ingest_{source.name}"


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except PipelineStepFailed as error:
        raise MobilakeError(_reason(error)) from error


def _forget_normalized(pipeline: dlt.Pipeline) -> None:
    """Remove what was extracted of packages that are normalized already.

    A process killed between the two leaves both, and dlt fails on them for ever.
    """
    extracted = Path(pipeline.working_dir) / "normalize" / "extracted"
    normalized = set(pipeline.list_normalized_load_packages())
    for package in normalized.intersection(pipeline.list_extracted_load_packages()):
        shutil.rmtree(extracted / package)


def _run(pipeline: dlt.Pipeline, source: Source, context: Context) -> LoadInfo:
    @dlt.source(name=source.name, max_table_nesting=0)
    def pulled() -> Any:
        return list(source.pull(context))

    return pipeline.run(pulled(), loader_file_format="parquet")


def _reason(error: PipelineStepFailed) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return explain(cause) or f"The pass over the source failed ({error.step}): {cause}"
