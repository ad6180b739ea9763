"""One pass over a source: pull, land, and say how many rows came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
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
    folder = settings.home / "pipelines"
    with alone(settings.home / "locks" / f"ingest-{source.name}.lock", f"ingest {source.name}"):
        counts: Counter[str] = Counter()
        tables = {table.name: table for table in source.tables}
        for table in source.tables:
            context.lake.open(table)
        pipeline = dlt.pipeline(
            pipeline_name=f"ingest_{source.name}",
            pipelines_dir=str(folder),
            destination=lake_destination(
                context.lake, tables, lambda name, rows: counts.update({name: rows})
            ),
            dataset_name="raw",
        )
        try:
            pipeline.normalize()
            pipeline.load(raise_on_failed_jobs=True)
            _run(pipeline, source, context)
        except PipelineStepFailed as error:
            raise MobilakeError(_reason(error)) from error
        if RESTRICTED in source.tables:
            context.lake.expire(RESTRICTED, settings.privacy.restricted_days)
        return Landed(source.name, {name: rows for name, rows in counts.items() if rows})


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
