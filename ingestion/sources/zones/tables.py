"""The raw table of zones."""

from __future__ import annotations

import pyarrow as pa

from ingestion.lake import RawTable

ZONE = RawTable(
    name="zone",
    description="One row per zone of an imported file. The last import of a file's name counts.",
    columns=pa.schema(
        [
            pa.field("import_id", pa.string(), nullable=False),
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("file", pa.string(), nullable=False),
            pa.field("content_sha256", pa.string(), nullable=False),
            pa.field("position", pa.int32(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("name", pa.string(), nullable=False),
            pa.field("valid_from", pa.timestamp("us", "UTC")),
            pa.field("valid_to", pa.timestamp("us", "UTC")),
            pa.field("polygons", pa.string(), nullable=False),
            pa.field("imported_at", pa.timestamp("us", "UTC"), nullable=False),
        ]
    ),
)
"""`polygons` is the `coordinates` of a GeoJSON MultiPolygon, as JSON: rings are closed, WGS 84."""
