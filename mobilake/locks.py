"""Locks between processes, given back by the operating system when their holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mobilake.errors import TransientError


@contextmanager
def alone(path: Path, activity: str) -> Iterator[None]:
    """Hold the lock file at `path` for the length of the block.

    Raises:
        TransientError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise TransientError(
            f"Another process is at it already ({activity}, lock {path}): "
            "wait for it to end, then run the same command again."
        ) from None
    try:
        yield
    finally:
        lock.release()
