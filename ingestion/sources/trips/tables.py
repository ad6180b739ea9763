"""The raw tables of trip files."""

from __future__ import annotations

import pyarrow as pa

from ingestion.raw import BLANK, RawTable, Subject

FIELDS = (
    "ride_id",
    "started_at",
    "ended_at",
    "duration",
    "start_station_id",
    "start_station_name",
    "start_station_description",
    "start_lat",
    "start_lng",
    "end_station_id",
    "end_station_name",
    "end_station_description",
    "end_lat",
    "end_lng",
    "bike_id",
    "bike_type",
    "rider_type",
    "plan_duration",
    "route_category",
    "birth_year",
)
"""What a column of a trip file can be. Each is text as it stood in the file, null where the file
has no such column; of `bike_id` the pseudonym, of `birth_year` the decade."""

TRIP_ROW = RawTable(
    name="trip_row",
    may_age=True,
    description="One row per line of a trip file that could be read, its columns as text.",
    columns=pa.schema(
        [
            pa.field("file_id", pa.string(), nullable=False),
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("family", pa.string(), nullable=False),
            pa.field("line", pa.int64(), nullable=False),
            *(pa.field(name, pa.string()) for name in FIELDS),
        ]
    ),
    row_group_rows=65536,
    is_plain=True,
    subjects=(Subject("bike_id", BLANK),),
)

TRIP_FILE = RawTable(
    name="trip_file",
    description="One row per trip file whose lines have all landed, with what became of them.",
    columns=pa.schema(
        [
            pa.field("file_id", pa.string(), nullable=False),
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("file", pa.string(), nullable=False),
            pa.field("origin", pa.string(), nullable=False),
            pa.field("sha256", pa.string(), nullable=False),
            pa.field("family", pa.string(), nullable=False),
            pa.field("header", pa.string(), nullable=False),
            pa.field("undeclared", pa.string()),
            pa.field("received", pa.int64(), nullable=False),
            pa.field("accepted", pa.int64(), nullable=False),
            pa.field("quarantined", pa.int64(), nullable=False),
            pa.field("imported_at", pa.timestamp("us", "UTC"), nullable=False),
        ]
    ),
    row_group_rows=4096,
)

TRIP_LISTING = RawTable(
    name="trip_listing",
    description="One row per file taken from a place that trip files are looked for in.",
    columns=pa.schema(
        [
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("url", pa.string(), nullable=False),
            pa.field("size_bytes", pa.int64()),
            pa.field("modified_at", pa.timestamp("us", "UTC")),
            pa.field("reading", pa.string(), nullable=False),
            pa.field("tables_landed", pa.int64(), nullable=False),
            pa.field("error", pa.string()),
            pa.field("taken_at", pa.timestamp("us", "UTC"), nullable=False),
        ]
    ),
    row_group_rows=4096,
)
"""A file is taken again if it has changed since, or could not be read, or the families have."""
