"""Secrets come from the environment or a file, never from settings, and never show."""

from __future__ import annotations

import hmac
import os
import re
import secrets as random
from pathlib import Path

from mobilake.errors import MobilakeError

MINIMUM_LENGTH = 32
SHORTEST = 4


class MissingSecret(MobilakeError):
    """No value is there for a secret that something names."""


class Secret:
    """A value that prints as stars; `reveal` is the one way to it.

    Attributes:
        version: tells keys apart that followed one another.
    """

    __slots__ = ("_value", "version")

    def __init__(self, value: str, version: int = 1) -> None:
        self._value = value
        self.version = version

    def reveal(self) -> str:
        """Return the value, at the place of use only."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)


def named_secret(home: Path, name: str) -> Secret:
    """Return a secret that a registration names.

    It is `MOBILAKE_SECRET_<NAME>`, or the file that `MOBILAKE_SECRET_<NAME>_FILE` names, or
    `secrets/<name>` in the home. It is read anew at every call, so that it can be changed.

    Raises:
        MissingSecret: it is nowhere.
        MobilakeError: the name cannot be one, a file cannot be read, or the value cannot be sent.
    """
    check_secret_name(name)
    variable = f"MOBILAKE_SECRET_{name.upper()}"
    own, named = home / "secrets" / name, os.environ.get(f"{variable}_FILE", "").strip()
    value = os.environ.get(variable, "").strip()
    if not value and (named or own.is_file()):
        value = _read(Path(named or own))
    if not value:
        raise MissingSecret(
            f"The secret {name} has no value: set {variable} (or {variable}_FILE to the path of a "
            f"file that holds it), or write it to {own}."
        )
    if len(value) < SHORTEST or not re.fullmatch(r"[\x21-\x7e]+( [\x21-\x7e]+)*", value):
        raise MobilakeError(
            f"The secret {name} cannot be sent: it is one line of at least {SHORTEST} printable "
            "ASCII characters."
        )
    return Secret(value)


def check_secret_name(name: str) -> None:
    """Refuse a name that could not stand in a variable's or a file's name."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name):
        raise MobilakeError(
            "This cannot be a secret's name: use letters, digits and '_', a letter first. The "
            "value itself is not given here, but as MOBILAKE_SECRET_<NAME>."
        )


def pseudonym_key(home: Path) -> Secret:
    """Return the key that personal identifiers are hashed with from now on: the latest version."""
    return pseudonym_keys(home)[-1]


def pseudonym_keys(home: Path) -> tuple[Secret, ...]:
    """Return all versions of the pseudonym key that there are, the latest one last.

    They are in `MOBILAKE_PSEUDONYM_KEY`, or the file that `MOBILAKE_PSEUDONYM_KEY_FILE` names, or
    `secrets/pseudonym.key` in the home, which is made on first use, readable by its owner alone.
    Each line is a version and a key; a key without a version is version 1.

    Raises:
        MobilakeError: the file named is not readable, a line is none, or a key is shorter than 32
            characters.
    """
    text = os.environ.get("MOBILAKE_PSEUDONYM_KEY", "").strip()
    if not text:
        named = os.environ.get("MOBILAKE_PSEUDONYM_KEY_FILE", "").strip()
        text = _read(Path(named)) if named else _read_or_make(key_file(home))
    keys: dict[int, Secret] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        number, _, value = line.rpartition(" ")
        if not re.fullmatch("([1-9][0-9]{0,5})?", number.strip()):
            raise MobilakeError(
                "A line of the pseudonym key cannot be read: it is a version, a blank and the key."
            )
        version = int(number or 1)
        if len(value) < MINIMUM_LENGTH:
            raise MobilakeError(
                f"The pseudonym key has fewer than {MINIMUM_LENGTH} characters: "
                "set MOBILAKE_PSEUDONYM_KEY to a longer random one."
            )
        if version in keys:
            raise MobilakeError(f"There are two pseudonym keys of version {version}: remove one.")
        keys[version] = Secret(value, version)
    if not keys:
        raise MobilakeError(
            "The pseudonym key is empty: bring it back from a backup. With another one the same "
            "vehicle gets another pseudonym."
        )
    return tuple(keys[version] for version in sorted(keys))


def key_file(home: Path) -> Path:
    """Return where the home keeps the pseudonym keys that nobody else keeps."""
    return home / "secrets" / "pseudonym.key"


def new_key_value() -> str:
    """Return a random value for a key."""
    return random.token_urlsafe(48)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it holds no text"
        raise MobilakeError(f"The secret file {path} cannot be read ({reason}).") from None


def _read_or_make(path: Path) -> str:
    """The file appears whole (a link is refused where one stands), so that two makers agree."""
    if not path.exists():
        draft = private_draft(path, new_key_value())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return _read(path)


def private_draft(path: Path, text: str) -> Path:
    """Write a text beside a path, for this user's eyes alone, and return the file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{random.token_hex(8)}.key")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return draft
