"""The dlt destination: dlt's load jobs, written by the lake module.

dlt's own Delta destination can set no row groups, leaves a file per run, and lands twice after a
crash. Here each job's file name goes with the commit as its transaction, so that a job which dlt
runs again after a crash lands once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dlt
import pyarrow.parquet as pq
from dlt.common.schema import TTableSchema

from ingestion.lake import Lake, RawTable


def lake_destination(
    lake: Lake, tables: Mapping[str, RawTable], landed: Callable[[str, int], None]
) -> Any:
    """Return a dlt destination that appends to the raw tables of the lake.

    Args:
        tables: the raw tables by name; a resource must bear one of these names.
        landed: is told each table's name and how many rows a commit added to it.
    """

    @dlt.destination(
        batch_size=0,
        loader_file_format="parquet",
        name="lake",
        naming_convention="direct",
        skip_dlt_columns_and_tables=True,
        loader_parallelism_strategy="sequential",
    )
    def lake_of_delta_tables(items: Any, table: TTableSchema) -> None:
        raw = tables[str(table["name"])]
        added = lake.append(
            raw, pq.read_table(items, partitioning=None), transaction=job_name(Path(items))
        )
        landed(raw.name, added)

    return lake_of_delta_tables()


def job_name(file: Path) -> str:
    """Return the part of a job file's name that stays the same when dlt tries again.

    dlt names it `<table>.<file id>.<retries>.<format>`.
    """
    return ".".join(file.name.split(".")[:2])
