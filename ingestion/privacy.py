"""Personal data never lands readable: identifiers are hashed with a key, links to people dropped.

A source declares, feed by feed, which members of a document hold personal values. What should hold
such values but cannot be parsed is sealed (encrypted) for a restricted table that expires.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa
from cryptography.fernet import Fernet, MultiFernet

from ingestion.raw import SEALED, RawTable, Subject
from mobilake.secrets import Secret

RESTRICTED = RawTable(
    name="restricted",
    description="What could not be accepted or pseudonymised, as it came, encrypted; expires.",
    columns=pa.schema(
        [
            pa.field("reference_id", pa.string(), nullable=False),
            pa.field("origin", pa.string(), nullable=False),
            pa.field("sealed", pa.string(), nullable=False),
        ]
    ),
    key="reference_id",
    subjects=(Subject("sealed", SEALED),),
)

HASH = "hash"
DROP = "drop"


@dataclass(frozen=True)
class Protected:
    """A text fit to land (None where it had to be sealed), and what was sealed instead."""

    text: str | None
    sealed: str | None = None


def protect(text: str, fields: Mapping[str, str], key: Secret) -> Protected:
    """Return a JSON document with its personal values replaced.

    Args:
        fields: what to do (`HASH` or `DROP`) with the members of these names, at any depth: a
            document of an unexpected shape is protected as well.
        key: of the keyed hash and of the seal.
    """
    if not fields or not text.strip():
        return Protected(text)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict | list):
        cleaned = protect_document(document, fields, key)
        if cleaned is not None:
            return Protected(cleaned)
    return Protected(None, seal(text, key))


def protect_document(document: Any, fields: Mapping[str, str], key: Secret) -> str | None:
    """Return a JSON value as text, its personal values replaced as `protect` does.

    None where it is nested deeper than can be written again.
    """
    try:
        return orjson.dumps(_cleaned(document, fields, key)).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return None


def pseudonym(value: str, key: Secret) -> str:
    """Return the keyed hash of an identifier: 128 bits in hexadecimal.

    It begins with the key's version, such as `k2-`, from the second one on.
    """
    version = f"k{key.version}-" if key.version > 1 else ""
    return version + _hashed(_derived(key, "pseudonym"), value)


def seal(text: str, key: Secret) -> str:
    """Encrypt a text; `unseal` gives it back to whoever holds the key."""
    return Fernet(_fernet_key(key)).encrypt(text.encode()).decode()


def unseal(sealed: str, *keys: Secret) -> str:
    """Return the text that was sealed with one of the keys.

    Raises:
        cryptography.fernet.InvalidToken: another key sealed it.
    """
    return MultiFernet([Fernet(_fernet_key(key)) for key in keys]).decrypt(sealed.encode()).decode()


def _cleaned(node: Any, fields: Mapping[str, str], key: Secret) -> Any:
    if isinstance(node, list):
        return [_cleaned(child, fields, key) for child in node]
    if not isinstance(node, dict):
        return node
    return {
        name: pseudonym(_text(value), key)
        if name in fields and value is not None
        else _cleaned(value, fields, key)
        for name, value in node.items()
        if fields.get(name) != DROP
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


@lru_cache(maxsize=65_536)
def _hashed(derived: bytes, value: str) -> str:
    return hmac.digest(derived, value.encode(), "sha256").hex()[:32]


@lru_cache(maxsize=8)
def _derived(key: Secret, purpose: str) -> bytes:
    return hmac.digest(key.reveal().encode(), purpose.encode(), "sha256")


def _fernet_key(key: Secret) -> bytes:
    return base64.urlsafe_b64encode(_derived(key, "seal"))
