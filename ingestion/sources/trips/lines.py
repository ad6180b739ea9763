"""Lines of a file, in chunks of some megabytes, as UTF-8 whatever they were written in."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

CHUNK_BYTES = 32 << 20
LONGEST = 1 << 20
_FALLBACK = "mobilake.cp1252"


@dataclass(frozen=True)
class Chunk:
    """Whole lines, the last one ended as well.

    Attributes:
        first: the number of the first line in its file, whose header is line 1.
        lines: how many there are.
    """

    text: bytes
    first: int
    lines: int

    @property
    def last(self) -> int:
        """The number of its last line."""
        return self.first + self.lines - 1


def chunks(stream: IO[bytes], size: int) -> Iterator[Chunk]:
    """Give the lines of a stream in UTF-8, whole ones, with line feeds; the header by itself.

    UTF-16 is told by its mark, UTF-8 needs none; a byte that is neither is one of Windows-1252.
    A line that never seems to end is cut at a megabyte beyond a chunk's size.
    """
    codecs.register_error(_FALLBACK, _as_cp1252)
    number, rest, is_first = 1, b"", True
    for piece in _utf8(stream, size):
        whole = rest + piece
        if is_first:
            head, end, whole = whole.partition(b"\n")
            if not end and len(head) < LONGEST:
                rest = head
                continue
            yield Chunk(head + b"\n", 1, 1)
            number, is_first = 2, False
        cut = whole.rfind(b"\n") + 1
        if not cut and len(whole) > size + LONGEST:
            whole, cut = whole + b"\n", len(whole) + 1
        rest = whole[cut:]
        if cut:
            lines = whole.count(b"\n", 0, cut)
            yield Chunk(whole[:cut], number, lines)
            number += lines
    if rest:
        yield Chunk(rest + b"\n", number, 1)


def _utf8(stream: IO[bytes], size: int) -> Iterator[bytes]:
    piece = stream.read(size)
    is_utf8 = piece[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if not is_utf8:
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
    else:
        piece = piece.removeprefix(codecs.BOM_UTF8)
        decoder = codecs.getincrementaldecoder("utf-8")(_FALLBACK)
    while piece:
        if piece.isascii() and is_utf8 and not decoder.getstate()[0]:
            yield piece.replace(b"\r", b"") if b"\r" in piece else piece
        else:
            yield _with_line_feeds(decoder.decode(piece)).encode()
        piece = stream.read(size)
    if last := decoder.decode(b"", final=True):
        yield last.encode()


def _with_line_feeds(text: str) -> str:
    """End lines by a line feed alone. What ends them by a return alone is not known to exist."""
    return text.replace("\r", "") if "\r" in text else text


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(_character(byte) for byte in wrong), error.end


def _character(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:  # one of the five that stand for nothing
        return chr(byte)
