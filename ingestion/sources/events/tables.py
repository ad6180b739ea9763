"""The raw table of device events."""

from __future__ import annotations

import pyarrow as pa

from ingestion.raw import BLANK, ROW, TEXT, RawTable, Subject

UTC_TIME = pa.timestamp("us", "UTC")

DEVICE_EVENT = RawTable(
    name="device_event",
    may_age=True,
    description="One row per delivery of an event that a device sent; of copies the first counts.",
    columns=pa.schema(
        [
            pa.field("delivery_id", pa.string(), nullable=False),
            pa.field("event_id", pa.string(), nullable=False),
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("device_kind", pa.string(), nullable=False),
            pa.field("device_id", pa.string(), nullable=False),
            pa.field("event_type", pa.string(), nullable=False),
            pa.field("station_ref", pa.string()),
            pa.field("vehicle_id", pa.string()),
            pa.field("occurred_at", UTC_TIME, nullable=False),
            pa.field("received_at", UTC_TIME),
            pa.field("attributes", pa.string()),
            pa.field("source", pa.string(), nullable=False),
            pa.field("source_position", pa.string(), nullable=False),
        ]
    ),
    row_group_rows=65536,
    key="delivery_id",
    subjects=(
        Subject("device_id", ROW),
        Subject("vehicle_id", BLANK),
        Subject("attributes", TEXT),
    ),
)
"""`device_id` is a pseudonym where the device is a vehicle, `vehicle_id` always: the vehicle that a
dock tells of. `attributes` is a JSON object of all other members."""
