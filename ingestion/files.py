"""Files of lines as they come: plain, gzip or zstd, told by their first bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import zstandard

from mobilake.errors import MobilakeError

if TYPE_CHECKING:
    from typing_extensions import Buffer

ZSTD_WINDOW = 1 << 31
ZSTD_CHUNK = 4096  # of like documents it may unfold to some ten megabytes


@contextmanager
def opened(file: Path) -> Iterator[tuple[Iterator[bytes], Callable[[], int]]]:
    """Open a plain, gzip or zstd file, told by its first bytes: its lines, and the bytes read.

    Raises:
        MobilakeError: it cannot be read, or is cut off or damaged.
    """
    try:
        raw = file.open("rb")
    except OSError as error:
        raise MobilakeError(f"{file} cannot be read ({error.strerror}): check the path.") from None
    with raw:
        magic = raw.peek(4)[:4]
        stream: Iterable[bytes] = raw
        if magic[:2] == b"\x1f\x8b":
            stream = gzip.GzipFile(fileobj=raw)
        elif magic == b"\x28\xb5\x2f\xfd":
            stream = io.BufferedReader(_ZstdFrames(raw), 1 << 20)
        yield _lines(stream, file), raw.tell


class _ZstdFrames(io.RawIOBase):
    """What zstd frames hold, one after the other.

    The library's own reader takes a frame that is cut off for a whole one.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._compressed = b""
        self._content = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        """See `io.RawIOBase`."""
        while not self._content:
            compressed = self._compressed or self._file.read(ZSTD_CHUNK)
            if not compressed and self._frame:
                raise EOFError("the last frame has no end")
            if not compressed:
                return 0
            frame = self._frame or self._decompressor.decompressobj()
            self._content = memoryview(frame.decompress(compressed))
            self._frame = None if frame.eof else frame
            self._compressed = frame.unused_data
        count = min(len(self._content), memoryview(buffer).nbytes)
        memoryview(buffer)[:count] = self._content[:count]
        self._content = self._content[count:]
        return count


def _lines(stream: Iterable[bytes], file: Path) -> Iterator[bytes]:
    try:
        yield from stream
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise MobilakeError(
            f"{file} is cut off or damaged ({error}): what came before is landed; "
            "fetch the file again and repeat the import."
        ) from None
