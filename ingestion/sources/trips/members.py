"""What is in the files given: plain CSV, gzip, and zips with several members or zips in them."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from mobilake.errors import MobilakeError

PIECE = 1 << 22
NESTED_MB = 64
DEEPEST = 4
ENDINGS = (".csv", ".txt", ".gz")
Opener = Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Member:
    """One table of lines.

    Attributes:
        name: its own name without folders and endings, which a corrected file shares.
        origin: where it was found, such as `2013.zip/06.zip/june.csv`.
        open: opens its bytes, unpacked; every call reads from the beginning.
    """

    name: str
    origin: str
    open: Opener


@contextmanager
def readable(name: str | Path) -> Iterator[None]:
    """Turn what can go wrong while a file is read into a sentence."""
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise MobilakeError(
            f"{name} cannot be read, or not to its end ({error}): check the path, or fetch it "
            "again and repeat the import."
        ) from None


def members(file: Path) -> Iterator[Member]:
    """Give the tables of a file, one after the other; each is read before the next is asked for.

    Raises:
        MobilakeError: the file cannot be read.
    """
    with readable(file):
        yield from members_of(file.name, lambda: file.open("rb"))


def members_of(name: str, opener: Opener) -> Iterator[Member]:
    """Give the same of a file that is opened in another way."""
    with opener() as raw:
        is_zip = raw.read(4) == b"PK\x03\x04"
    if is_zip:
        with opener() as raw:
            yield from _in_zip(raw, name, 1)
    else:
        yield _member(name, name, opener)


def _in_zip(raw: IO[bytes], origin: str, depth: int) -> Iterator[Member]:
    with zipfile.ZipFile(raw) as archive:
        for entry in archive.infolist():
            place = PurePosixPath(entry.filename.replace("\\", "/"))
            hidden = any(part.startswith((".", "__MACOSX")) for part in place.parts)
            if entry.is_dir() or hidden:
                continue
            inner = f"{origin}/{place}"
            if place.suffix.lower() == ".zip" and depth < DEEPEST:
                with tempfile.SpooledTemporaryFile(NESTED_MB << 20) as copy:
                    with archive.open(entry) as packed:
                        while piece := packed.read(PIECE):
                            copy.write(piece)
                    copy.seek(0)
                    yield from _in_zip(copy, inner, depth + 1)
            elif place.suffix.lower() in ENDINGS:
                yield _member(place.name, inner, _opener(archive, entry))


def _opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Opener:
    return lambda: archive.open(entry)


def _member(name: str, origin: str, opener: Opener) -> Member:
    def unpacked() -> IO[bytes]:
        raw = opener()
        magic = raw.read(2)
        raw.seek(0)
        return gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw  # type: ignore[return-value]

    stem = name.lower()
    while (suffix := PurePosixPath(stem).suffix) in (*ENDINGS, ".zip"):
        stem = stem.removesuffix(suffix)
    return Member(stem, origin, unpacked)
