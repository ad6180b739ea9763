"""Bodies as they come in: unpacked within limits, and all together within a bound of memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from types import TracebackType
from typing import IO, cast

import zstandard

PIECE = 1 << 16
ZSTD_WINDOW = 8 << 20  # what RFC 8878 wants every receiver to take, and no more
ACCEPTED = "gzip, deflate, zstd"


class TooLarge(Exception):
    """Raised for a body that is over its limit, or was given up because all together are."""


class Undecodable(Exception):
    """Raised where the content is not what its `Content-Encoding` says, or that is not known."""


class Bodies:
    """The memory of all bodies under way.

    Nobody waits for memory, so that no system can keep it from the others: when all bodies together
    are over the bound, the largest one that is still coming is given up, there and then.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._total = 0
        self._open: set[Body] = set()

    def new(self, limit: int) -> Body:
        """Return an empty body that may grow to `limit` bytes; use it as a context manager."""
        return Body(self, limit)

    @property
    def total(self) -> int:
        """The bytes of all bodies under way."""
        return self._total

    def grow(self, body: Body, count: int) -> None:
        """Account for bytes that a body has taken."""
        self._open.add(body)
        self._total += count
        while self._total > self._limit:
            coming = [one for one in self._open if not one.is_whole]
            max(coming, key=lambda one: one.size).give_up()

    def release(self, body: Body) -> None:
        """Take a body out of the account."""
        if body in self._open:
            self._open.remove(body)
            self._total -= body.size


class Body:
    """What has come of one body, unpacked."""

    def __init__(self, bodies: Bodies, limit: int) -> None:
        self.size = 0
        self.is_whole = False
        self.is_given_up = False
        self._bodies = bodies
        self._limit = limit
        self._pieces: list[bytes] = []

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bodies.release(self)

    def write(self, piece: bytes) -> int:
        """Take a piece.

        Raises:
            TooLarge: the body is over its limit, or was given up.
        """
        if self.is_given_up or self.size + len(piece) > self._limit:
            raise TooLarge
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        self._bodies.grow(self, len(piece))
        if self.is_given_up:
            raise TooLarge
        return len(piece)

    def give_up(self) -> None:
        """Let go of the memory at once; whoever reads the body is told at the next piece."""
        self._bodies.release(self)
        self._pieces.clear()
        self.is_given_up = True

    def content(self) -> bytes:
        """Return the whole body, and keep no copy.

        Raises:
            TooLarge: it was given up.
        """
        if self.is_given_up:
            raise TooLarge
        content = b"".join(self._pieces)
        self._pieces.clear()
        self.is_whole = True
        return content


class Unpacker:
    """Unpacks the content of a response into a body, piece by piece.

    Neither a small piece that unpacks to very much nor encodings one inside the other can take more
    memory than the body's limit.
    """

    def __init__(self, encoding: str, body: Body) -> None:
        """Choose by the value of `Content-Encoding`.

        Raises:
            Undecodable: the encoding is not one that was asked for.
        """
        self._body = body
        self._inflater: _Inflater | None = None
        name = encoding.strip().lower()
        if name in ("", "identity"):
            self._feed: Callable[[bytes], object] = body.write
        elif name in ("gzip", "x-gzip", "deflate"):
            self._inflater = _Inflater(body)
            self._feed = self._inflater.feed
        elif name == "zstd":
            decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
            self._feed = decompressor.stream_writer(cast(IO[bytes], body), closefd=False).write
        else:
            raise Undecodable

    def feed(self, piece: bytes) -> None:
        """Take a piece as it came.

        Raises:
            TooLarge: see `Body.write`.
            Undecodable: it is not of the encoding.
        """
        try:
            self._feed(piece)
        except (zlib.error, zstandard.ZstdError):
            raise Undecodable from None

    def content(self) -> bytes:
        """Return the whole body, unpacked.

        Raises:
            TooLarge: it was given up.
            Undecodable: the content has no end.
        """
        if self._inflater and not self._inflater.has_ended():
            raise Undecodable
        return self._body.content()


class _Inflater:
    """gzip (also of several members), and both things that servers call deflate."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._head = b""
        self._stream: zlib._Decompress | None = None

    def has_ended(self) -> bool:
        """Take what zlib still holds back, and tell whether that was all."""
        while self._stream and not self._stream.eof:
            piece = self._stream.decompress(b"", PIECE)
            if not piece:
                return self._stream.eof
            self._body.write(piece)
        return not self._head

    def feed(self, piece: bytes) -> None:
        if self._stream is None:
            self._head += piece
            if len(self._head) < 2:
                return
            piece, self._head = self._head, b""
            self._stream = self._started(piece)
        while piece:
            if self._stream.eof:
                if not piece.startswith(b"\x1f"):
                    return  # padding
                self._stream = self._started(piece)
            self._body.write(self._stream.decompress(piece, PIECE))
            piece = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    @staticmethod
    def _started(piece: bytes) -> zlib._Decompress:
        with_header = piece[0] == 0x1F or (
            piece[0] & 0x0F == 8 and int.from_bytes(piece[:2], "big") % 31 == 0
        )
        return zlib.decompressobj(zlib.MAX_WBITS | 32 if with_header else -zlib.MAX_WBITS)
