"""What a request proves itself with: a secret, sent to the hosts it is meant for and no other."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import lru_cache

import httpx

from ingestion.attempt import Headers
from mobilake.errors import MobilakeError
from mobilake.secrets import Secret

BEARER, HEADER, QUERY = "bearer", "header", "query"
HIDDEN = b"****"
_NAMES = {HEADER: r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", QUERY: r"[A-Za-z0-9._~-]{1,100}"}
_OURS = ("host", "connection", "content-length", "transfer-encoding", "te", "upgrade")


@dataclass(frozen=True)
class Credential:
    """A secret and how it is sent.

    Attributes:
        way: `bearer`, `header:NAME` or `query:NAME`.
        secret: None where there is no value: nothing is asked then.
        home: the address whose origin (scheme, host, port) may be told.
        hosts: further hosts that may be told, over TLS (or not, if `home` is asked without).
    """

    way: str
    secret: Secret | None
    home: str
    hosts: tuple[str, ...] = ()

    def is_for(self, url: httpx.URL) -> bool:
        """Return whether the secret may be sent to an address."""
        home = httpx.URL(self.home)
        if _origin(url) == _origin(home):
            return True
        return url.host in self.hosts and url.scheme in ("https", home.scheme)

    def applied(self, url: httpx.URL) -> tuple[httpx.URL, Headers]:
        """Return the address to ask and the headers that prove us; bare ones where it is not for.

        Raises:
            LookupError: there is no secret.
        """
        if not self.is_for(url):
            return url, []
        if self.secret is None:
            raise LookupError
        kind, name = parts(self.way)
        value = self.secret.reveal()
        if kind == QUERY:
            return url.copy_set_param(name, value), []
        if kind == BEARER:
            return url, [(b"Authorization", b"Bearer " + value.encode())]
        return url, [(name.encode(), value.encode())]

    def is_in(self, text: str) -> bool:
        """Return whether the secret stands in a text, such as an address that a server gave."""
        return self.secret is not None and bool(_spelt(self.secret).search(text.encode()))

    def hidden(self, served: bytes) -> bytes:
        """Return what a server sent without the secret, if it echoes it."""
        return _spelt(self.secret).sub(HIDDEN, served) if self.secret else served


def parts(way: str) -> tuple[str, str]:
    """Return the kind and the name of a way to send a secret.

    Raises:
        MobilakeError: it is none.
    """
    kind, _, name = way.partition(":")
    named = kind in _NAMES and re.fullmatch(_NAMES[kind], name) and name.lower() not in _OURS
    if not named and way != BEARER:
        raise MobilakeError(
            f"{way!r} is no way to send a secret: write --auth bearer, --auth header:NAME (such as "
            "header:X-API-Key) or --auth query:NAME (such as query:token)."
        )
    return kind, name


@lru_cache(maxsize=256)
def _spelt(secret: Secret) -> re.Pattern[bytes]:
    """Return a pattern of a secret as addresses, JSON and HTML may spell it."""
    spelt = []
    for character in secret.reveal():
        code = f"{ord(character):02x}"
        ways = {character, f"\\{character}", html.escape(character)}
        exact = "|".join(map(re.escape, sorted(ways, key=len, reverse=True)))
        blank = r"|\+" if character == " " else ""
        spelt.append(rf"(?:{exact}{blank}|(?i:%{code}|\\u00{code}))")
    return re.compile("".join(spelt).encode())


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
