"""The raw table of the worldwide catalogue."""

from __future__ import annotations

import pyarrow as pa

from ingestion.lake import RawTable

SYSTEM_CATALOGUE = RawTable(
    name="system_catalogue",
    description=(
        "One row per system in a version of the catalogue, or per change of one. A version lands "
        "once; a system that it does not list is gone."
    ),
    columns=pa.schema(
        [
            pa.field("entry_id", pa.string(), nullable=False),
            pa.field("catalogue_system_id", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),  # list, upsert, delete
            pa.field("position", pa.int32()),
            pa.field("entry", pa.string(), nullable=False),
            pa.field("as_of", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("document_sha256", pa.string()),
            pa.field("origin", pa.string(), nullable=False),
        ]
    ),
    row_group_rows=65536,
)

CATALOGUE_FETCH = RawTable(
    name="catalogue_fetch",
    description="One row per look at the catalogue, whatever became of it.",
    columns=pa.schema(
        [
            pa.field("url", pa.string(), nullable=False),
            pa.field("requested_at", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("fetched_at", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("http_status", pa.int32()),
            pa.field("elapsed_ms", pa.float64()),
            pa.field("sha256", pa.string()),
            pa.field("body_bytes", pa.int64()),
            pa.field("systems", pa.int32()),
            pa.field("error", pa.string()),
        ]
    ),
    row_group_rows=4096,
)
