"""What asking by HTTP came to: a value for every attempt, whether it was answered or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

LONGEST_URL = 4096

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Validators:
    """What a server named a document by; asked with it, it answers 304 while nothing changed."""

    etag: str | None = None
    last_modified: str | None = None

    @property
    def headers(self) -> Headers:
        """The condition of a request; the date only where there is no name."""
        if self.etag:
            return [(b"If-None-Match", self.etag.encode("latin-1"))]
        if self.last_modified:
            return [(b"If-Modified-Since", self.last_modified.encode("latin-1"))]
        return []


NO_VALIDATORS = Validators()


@dataclass(frozen=True)
class Attempt:
    """One attempt at a URL.

    Attributes:
        body: the bytes received (after content decoding), also of an error page; None where
            nothing came.
        error: None, or why there is no usable answer: `timeout`, `connection`, `too_large`,
            `undecodable`, `forbidden_address`, `forbidden_redirect`, `too_many_redirects`,
            `bad_url`, `no_secret`, `http_<status>`.
        retry_after_s: for how long the server asks to be left alone.
    """

    url: str
    requested_at: datetime
    fetched_at: datetime
    elapsed_ms: float
    http_status: int | None = None
    body: bytes | None = None
    error: str | None = None
    validators: Validators = NO_VALIDATORS
    retry_after_s: float | None = None

    @property
    def is_not_modified(self) -> bool:
        """Whether the server says that the body it gave before still holds."""
        return self.http_status == 304 and self.error is None

    @property
    def is_transient(self) -> bool:
        """Whether another attempt may soon succeed."""
        status = self.http_status or 0
        return self.error in ("timeout", "connection") or (
            self.error == f"http_{status}" and (status == 429 or status >= 500)
        )


def without_secrets(url: str) -> str:
    """Return the URL without user, password and the values of its query: they may be tokens."""
    if len(url) > LONGEST_URL:
        return "(URL too long)"
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(unreadable URL)"
    query = "&".join(f"{pair.split('=')[0]}=****" for pair in parts.query.split("&") if pair)
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, query, ""))


def seconds_of(retry_after: str | None, now: datetime) -> float | None:
    """Return what `Retry-After` says, which is seconds or a date."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(int(retry_after)))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
