"""What is read of an operations database, what of it is personal, and the raw tables it lands in.

A column that is not declared here is never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from ingestion.lake import RawTable
from ingestion.privacy import DROP, HASH
from ingestion.raw import BLANK, ROW, Subject

KEEP = "keep"
STAMP = "updated_at"
"""The column that tells when a row was last changed."""


@dataclass(frozen=True)
class OpsTable:
    """A table of the operator's database.

    Attributes:
        name: what it is called, if the settings say nothing else.
        key: the columns that name a row.
        columns: its columns, and what is done with the values: kept, hashed with the
            installation's key, or dropped, which is never read at all.
        times: those that are times.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    times: frozenset[str] = field(default_factory=frozenset)

    @property
    def read(self) -> list[str]:
        """The columns that are read."""
        return [name for name, treatment in self.columns.items() if treatment != DROP]

    @property
    def raw(self) -> RawTable:
        """Where its rows land: as text, with what the pass knew of them."""
        return RawTable(
            name=f"ops_{self.name}",
            description=self.description,
            columns=pa.schema(
                [
                    pa.field("row_id", pa.string(), nullable=False),
                    pa.field("system_id", pa.string(), nullable=False),
                    *(pa.field(name, pa.string()) for name in self.read),
                    pa.field("is_deleted", pa.bool_(), nullable=False),
                    pa.field("row_hash", pa.string(), nullable=False),
                    pa.field("read_at", pa.timestamp("us", "UTC"), nullable=False),
                ]
            ),
            row_group_rows=65536,
            subjects=tuple(
                Subject(name, ROW if name in self.key else BLANK)
                for name, treatment in self.columns.items()
                if treatment == HASH
            ),
        )


VEHICLES = OpsTable(
    name="vehicles",
    description="One row per state of a vehicle in the operator's database, as a pass found it.",
    key=("vehicle_id",),
    columns={
        "vehicle_id": HASH,
        "vehicle_type": KEEP,
        "status": KEEP,
        "in_service_at": KEEP,
        "retired_at": KEEP,
        STAMP: KEEP,
    },
    times=frozenset({"in_service_at", "retired_at", STAMP}),
)

WORK_ORDERS = OpsTable(
    name="work_orders",
    description="One row per state of a work order in the operator's database.",
    key=("work_order_id",),
    columns={
        "work_order_id": KEEP,
        "kind": KEEP,
        "status": KEEP,
        "station_ref": KEEP,
        "vehicle_id": HASH,
        "assigned_to": DROP,
        "opened_at": KEEP,
        "started_at": KEEP,
        "completed_at": KEEP,
        "cancelled_at": KEEP,
        STAMP: KEEP,
    },
    times=frozenset({"opened_at", "started_at", "completed_at", "cancelled_at", STAMP}),
)

MOVES = OpsTable(
    name="moves",
    description="One row per state of a truck's stop in the operator's database.",
    key=("move_id", "stop"),
    columns={
        "move_id": KEEP,
        "stop": KEEP,
        "work_order_id": KEEP,
        "kind": KEEP,
        "station_ref": KEEP,
        "vehicles": KEEP,
        "moved_at": KEEP,
        STAMP: KEEP,
    },
    times=frozenset({"moved_at", STAMP}),
)

INSPECTIONS = OpsTable(
    name="inspections",
    description="One row per state of an inspection in the operator's database.",
    key=("inspection_id",),
    columns={
        "inspection_id": KEEP,
        "work_order_id": KEEP,
        "station_ref": KEEP,
        "vehicle_id": HASH,
        "inspector": DROP,
        "result": KEEP,
        "note": DROP,
        "inspected_at": KEEP,
        STAMP: KEEP,
    },
    times=frozenset({"inspected_at", STAMP}),
)

RIDER_REPORTS = OpsTable(
    name="rider_reports",
    description="One row per state of a rider's report, without who reported and in what words.",
    key=("report_id",),
    columns={
        "report_id": KEEP,
        "work_order_id": KEEP,
        "station_ref": KEEP,
        "vehicle_id": HASH,
        "category": KEEP,
        "status": KEEP,
        "rider_id": HASH,
        "rider_name": DROP,
        "email": DROP,
        "phone": DROP,
        "message": DROP,
        "reported_at": KEEP,
        "resolved_at": KEEP,
        STAMP: KEEP,
    },
    times=frozenset({"reported_at", "resolved_at", STAMP}),
)

TABLES = (VEHICLES, WORK_ORDERS, MOVES, INSPECTIONS, RIDER_REPORTS)

OPS_READ = RawTable(
    name="ops_read",
    description="One row per table and pass over an operations database: what was there.",
    columns=pa.schema(
        [
            pa.field("read_id", pa.string(), nullable=False),
            pa.field("system_id", pa.string(), nullable=False),
            pa.field("table_name", pa.string(), nullable=False),
            pa.field("rows_there", pa.int64(), nullable=False),
            pa.field("rows_gone", pa.int64(), nullable=False),
            pa.field("error", pa.string()),
            pa.field("read_at", pa.timestamp("us", "UTC"), nullable=False),
        ]
    ),
    row_group_rows=4096,
)
