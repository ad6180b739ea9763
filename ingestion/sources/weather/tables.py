"""The raw table of weather."""

from __future__ import annotations

import pyarrow as pa

from ingestion.lake import RawTable

UTC_TIME = pa.timestamp("us", "UTC")

WEATHER_HOURLY = RawTable(
    name="weather_hourly",
    may_age=True,
    description="One row per request for the hours of weather at a system, as served.",
    columns=pa.schema(
        [
            pa.field("request_id", pa.string(), nullable=False),
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("url", pa.string()),
            pa.field("lat", pa.float64(), nullable=False),
            pa.field("lon", pa.float64(), nullable=False),
            pa.field("from_on", pa.date32(), nullable=False),
            pa.field("until_on", pa.date32(), nullable=False),
            pa.field("requested_at", UTC_TIME, nullable=False),
            pa.field("fetched_at", UTC_TIME, nullable=False),
            pa.field("http_status", pa.int32()),
            pa.field("elapsed_ms", pa.float64()),
            pa.field("sha256", pa.string()),
            pa.field("body_bytes", pa.int64()),
            pa.field("body", pa.string()),
            pa.field("error", pa.string()),
        ]
    ),
)
