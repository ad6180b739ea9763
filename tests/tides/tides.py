"""Tide gauges: files of readings in a folder, each landed once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv

from ingestion.lake import RawTable
from ingestion.source import Context, Options, Source


class TidesOptions(Options):
    """What can be chosen under `[source.tides]`."""

    folder: str = "inbox"


LEVEL = RawTable(
    name="tide_level",
    description="One row per reading of a gauge, as it stands in a file.",
    columns=pa.schema(
        [
            pa.field("file", pa.string(), nullable=False),
            pa.field("gauge_id", pa.string(), nullable=False),
            pa.field("read_at", pa.string(), nullable=False),
            pa.field("level_m", pa.string()),
        ]
    ),
)


def pull(context: Context) -> list[Any]:
    """Read the files that were not read before."""
    import dlt

    folder = context.settings.home / context.options("tides", TidesOptions).folder

    @dlt.resource(name=LEVEL.name)
    def levels() -> Iterator[pa.Table]:
        known = dlt.current.resource_state().setdefault("files", [])
        for file in sorted(folder.glob("*.csv")):
            if file.name not in known:
                known.append(file.name)
                yield _rows(file.name, pa.csv.read_csv(file, convert_options=_TEXTS))

    return [levels]


_TEXTS = pa.csv.ConvertOptions(
    column_types={name: pa.string() for name in ("gauge_id", "read_at", "level_m")}
)


def _rows(name: str, read: pa.Table) -> pa.Table:
    return read.add_column(0, "file", pa.array([name] * len(read), pa.string()))


SOURCE = Source(name="tides", tables=(LEVEL,), pull=pull, options=TidesOptions)
