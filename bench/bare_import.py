"""The baseline of an import: read the lines, hash the bodies, write the same row groups. No more.

Usage: python -m bench.bare_import RECORDING FOLDER
"""

import hashlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard
from deltalake import WriterProperties, write_deltalake

SCHEMA = pa.schema([("fetched_at", pa.string()), ("sha256", pa.string()), ("body", pa.string())])
BATCH_ROWS = 512


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the recording's rows."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    rows: list[tuple[str, str, str]] = []
    with path.open("rb") as file:
        for line in io.BufferedReader(decompressor.stream_reader(file, read_across_frames=True)):
            record = orjson.loads(line)
            body = record["body"]
            rows.append((record["fetched_at"], hashlib.sha256(body.encode()).hexdigest(), body))
            if len(rows) == BATCH_ROWS:
                yield pa.record_batch(list(zip(*rows, strict=True)), schema=SCHEMA)
                rows = []
    if rows:
        yield pa.record_batch(list(zip(*rows, strict=True)), schema=SCHEMA)


if __name__ == "__main__":
    write_deltalake(
        sys.argv[2],
        pa.RecordBatchReader.from_batches(SCHEMA, batches(Path(sys.argv[1]))),
        writer_properties=WriterProperties(
            compression="ZSTD",
            compression_level=3,
            max_row_group_size=64,
            statistics_truncate_length=64,
        ),
    )
