"""What rewrites a raw table: old days expire, small files are merged, rows are erased."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from ingestion.raw import RawTable, typical

UNFINISHED_HOURS = 24
TARGET_BYTES = 64 << 20
LOG_RETENTION = "delta.logRetentionDuration"
CONFIGURATION = {
    "delta.setTransactionRetentionDuration": "interval 30 days",
    # of a table that is committed to every few seconds: each commit lists what is left of the log
    LOG_RETENTION: "interval 1 days",
}


def drop_days(delta: DeltaTable, limit: date) -> int:
    """Delete the days that landed before `limit`; return the rows. Their files stay for readers."""
    if not any(day["landed_on"] and day["landed_on"] < str(limit) for day in delta.partitions()):
        return 0
    return int(delta.delete(f"landed_on < cast('{limit}' as date)")["num_deleted_rows"] or 0)


def expire(delta: DeltaTable, limit: date) -> int:
    """Delete the days that landed before `limit`, and their files; return the rows.

    Files that refused or killed writers left behind, which no version names, go as well once
    nobody can be about to commit them.
    """
    gone = drop_days(delta, limit)
    if gone:
        sweep(delta, 0, every_file=False)
        sweep(delta, UNFINISHED_HOURS)
    return gone


def compact(delta: DeltaTable, table: RawTable) -> tuple[int, int]:
    """Merge the small files of each day; return how many there were, and how many there are.

    One file is written at a time, and each day is a commit: bodies are large.

    Raises:
        CommitFailedError: another process deleted or merged the same files at the same time.
    """
    lacking = {
        name: value
        for name, value in CONFIGURATION.items()
        if delta.metadata().configuration.get(name) != value
    }
    if lacking:
        delta.alter.set_table_properties(lacking)
    before = len(delta.file_uris())
    delta.optimize.compact(
        target_size=TARGET_BYTES,
        max_concurrent_tasks=1,
        min_commit_interval=0,
        writer_properties=table.writer(typical(_groups(delta))),
    )
    delta.update_incremental()
    delta.create_checkpoint()
    return before, len(delta.file_uris())


def sweep(delta: DeltaTable, hours: int, every_file: bool = True) -> int:
    """Remove files that no version of the last `hours` needs; return how many.

    Args:
        every_file: also those that no version names.
    """
    gone = delta.vacuum(
        retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=every_file
    )
    return len(gone)


def replace(delta: DeltaTable, table: RawTable, rows: pa.Table, where: str) -> None:
    """Put rows in the place of those that a condition names, in one commit.

    Raises:
        CommitFailedError: another process rewrote the same files at the same time.
    """
    write_deltalake(
        delta,
        rows.select([field.name for field in delta.schema().fields]).cast(table.schema),
        mode="overwrite",
        predicate=where,
        writer_properties=table.writer(typical(_groups(delta))),
    )


def blank(delta: DeltaTable, table: RawTable, column: str, where: str) -> None:
    """Make a text column null in the rows that a condition names."""
    delta.update(
        updates={column: "cast(null as string)"},
        predicate=where,
        writer_properties=table.writer(typical(_groups(delta))),
    )


def remove(delta: DeltaTable, table: RawTable, where: str) -> None:
    """Remove the rows that a condition names."""
    delta.delete(where, writer_properties=table.writer(typical(_groups(delta))))


def forget(delta: DeltaTable) -> None:
    """Remove the files of all versions but the present one, and what the log says of them.

    The log has the least and the greatest value of each column of each file.
    """
    sweep(delta, 0, every_file=False)
    sweep(delta, UNFINISHED_HOURS)
    delta.alter.set_table_properties({LOG_RETENTION: "interval 0 days"})
    delta.update_incremental()
    delta.create_checkpoint()
    delta.cleanup_metadata()
    delta.alter.set_table_properties({LOG_RETENTION: CONFIGURATION[LOG_RETENTION]})


def _groups(delta: DeltaTable) -> Iterator[tuple[int, int]]:
    """Yield the rows of each row group of a table's files, and their bytes as read."""
    for fragment in delta.to_pyarrow_dataset().get_fragments():
        for number in range(fragment.metadata.num_row_groups):
            group = fragment.metadata.row_group(number)
            yield group.num_rows, group.total_byte_size
