"""Our own errors: each says in one sentence what is wrong and what mends it."""

from __future__ import annotations

import errno


class MobilakeError(Exception):
    """Something the user can mend; the message says how. The command line prints it bare."""


class TransientError(MobilakeError):
    """The same call may succeed later without anybody changing anything."""


def explain(error: BaseException) -> str | None:
    """Return the one sentence for an error of the machine, or None where it is a defect of ours.

    delta-rs and DuckDB wrap the operating system's errors in texts of their own, so the texts
    are looked at too.
    """
    if isinstance(error, MobilakeError):
        return str(error)
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT) or _mentions(text, "no space left", "disk is full"):
        return (
            "The disk is full: free some space, or set MOBILAKE_HOME to a folder on a larger disk, "
            "and run the same command again. Nothing that was accepted before is lost."
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or _mentions(text, "permission denied"):
        return f"This user may not read or write there ({text}): change the rights or the place."
    if _mentions(text, "could not set lock on file", "conflicting lock is held"):
        return (
            "The warehouse is being written by another process: wait for it to end (a build or a "
            "SQL shell that holds it open for writing), then run the same command again."
        )
    return None


def _mentions(text: str, *parts: str) -> bool:
    lowered = text.lower()
    return any(part in lowered for part in parts)
