"""The pseudonym key in versions: a new one from now on, an old one dropped."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mobilake.errors import MobilakeError
from mobilake.locks import alone
from mobilake.secrets import (
    Secret,
    key_file,
    new_key_value,
    private_draft,
    pseudonym_key,
    pseudonym_keys,
)


def rotate(home: Path) -> Secret:
    """Add a version, which all that lands from now on is pseudonymised with; return it.

    Whoever landed something meanwhile did it with the version before, which stays.

    Raises:
        MobilakeError: the keys are not kept in the home.
    """
    with alone(home / "locks" / "keys.lock", "keys"):
        _check_own("add a line with the next version, a blank and a random key to it")
        known = pseudonym_keys(home)
        added = Secret(new_key_value(), known[-1].version + 1)
        _write(home, [*known, added])
        return added


def drop(home: Path, version: int) -> None:
    """Forget a version: from then on nobody can tell whose its pseudonyms were.

    Raises:
        MobilakeError: it is in use, there is none like it, or the keys are not kept in the home.
    """
    with alone(home / "locks" / "keys.lock", "keys"):
        _check_own(f"take the line of version {version} out of it")
        known = pseudonym_keys(home)
        if version == known[-1].version:
            raise MobilakeError(
                f"Version {version} is in use: `mobilake keys rotate` first, then drop it."
            )
        kept = [key for key in known if key.version != version]
        if len(kept) == len(known):
            there = ", ".join(str(key.version) for key in known)
            raise MobilakeError(f"There is no key of version {version}: there are {there}.")
        _write(home, kept)


def present(home: Path, before: Secret) -> Secret:
    """Return the latest version, or the one used before where the keys cannot be read."""
    try:
        is_own = not _named_by()
        return before if is_own and not key_file(home).exists() else pseudonym_key(home)
    except MobilakeError:
        return before


def _named_by() -> str | None:
    names = ("MOBILAKE_PSEUDONYM_KEY", "MOBILAKE_PSEUDONYM_KEY_FILE")
    return next((name for name in names if os.environ.get(name, "").strip()), None)


def _check_own(what_to_do: str) -> None:
    if name := _named_by():
        raise MobilakeError(f"The keys are kept where {name} says: {what_to_do}.")


def _write(home: Path, keys: Iterable[Secret]) -> None:
    """Put the keys in the place of those before, whole or not at all."""
    file = key_file(home)
    draft = private_draft(file, "".join(f"{key.version} {key.reveal()}\n" for key in keys))
    draft.replace(file)
    descriptor = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for left_over in file.parent.glob(".*.key"):  # of a process that was killed
        left_over.unlink(missing_ok=True)
