"""Which systems are archived: registrations in the lake, the latest of each system counting."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion.credentials import Credential, parts
from ingestion.lake import Lake, rows_of
from ingestion.sources.gbfs.tables import SYSTEM_REGISTRATION
from mobilake.errors import MobilakeError
from mobilake.secrets import check_secret_name, named_secret

POLL_INTERVAL_S = 60
_SECRET = re.compile(r"key|token|secret|password|auth", re.IGNORECASE)


@dataclass(frozen=True)
class System:
    """A registered system.

    Attributes:
        url: its `gbfs.json`; None where only recorded history is known.
        language: of those that an index up to 2.3 lists feeds in; None takes the first.
        auth: how a secret is sent: `bearer`, `header:NAME` or `query:NAME`; None sends none.
        secret: the name of the secret, never its value.
        auth_hosts: hosts that get the secret as well as the one of `url`, with commas between.
    """

    system_id: str
    url: str | None
    timezone: str
    poll_interval_s: int = POLL_INTERVAL_S
    language: str | None = None
    auth: str | None = None
    secret: str | None = None
    auth_hosts: str | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that get the secret too."""
        return tuple(filter(None, (self.auth_hosts or "").split(",")))


_COLUMNS = [field.name for field in fields(System)]


def systems(lake: Lake) -> dict[str, System]:
    """Return the registered systems by id."""
    rows = lake.read(SYSTEM_REGISTRATION, [*_COLUMNS, "registered_at"]).to_pylist()
    rows.sort(key=lambda row: row.pop("registered_at"))
    return {row["system_id"]: System(**row) for row in rows}


def credential_of(system: System, home: Path) -> Credential | None:
    """Return what proves us to a system, if it wants proof.

    Raises:
        MissingSecret: the secret has no value.
        MobilakeError: it cannot be read or sent.
    """
    if not system.auth or not system.secret:
        return None
    value = named_secret(home, system.secret)
    return Credential(system.auth, value, str(system.url), system.hosts)


def credential_if_there(system: System, home: Path) -> Credential | None:
    """Return the same, without a value where that is missing: the attempt then says `no_secret`."""
    try:
        return credential_of(system, home)
    except MobilakeError:
        return Credential(str(system.auth), None, str(system.url), system.hosts)


def register(lake: Lake, system: System, registered_at: datetime) -> None:
    """Register a system, or change what is known of it.

    Raises:
        MobilakeError: the id or the time zone cannot be one.
    """
    check_system_id(system.system_id)
    check_timezone(system.timezone)
    check_url(system.url)
    check_auth(system)
    lake.append(
        SYSTEM_REGISTRATION,
        rows_of(SYSTEM_REGISTRATION, [{**vars(system), "registered_at": registered_at}]),
    )


def check_system_id(system_id: str) -> None:
    """Refuse an id that could not stand in a file name or a URL."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", system_id):
        raise MobilakeError(
            f"{system_id!r} cannot be a system's id: use letters, digits, '.', '_' and '-'."
        )


def check_url(url: str | None) -> None:
    """Refuse an address that holds a secret: the lake would show it to whoever reads it."""
    try:
        address = urlsplit(url or "")
    except ValueError:
        raise MobilakeError(f"{url} is no address that can be asked: check it.") from None
    name = next((name for name, _ in parse_qsl(address.query) if _SECRET.search(name)), None)
    if address.username or address.password or name:
        raise MobilakeError(
            f"The address holds a secret ({name or 'a user or password'}), which would stand "
            f"readable in the lake: leave it out, and add `--auth {_way(name)} --secret NAME` with "
            "its value in MOBILAKE_SECRET_NAME."
        )


def check_auth(system: System) -> None:
    """Refuse half an authentication, or one that cannot be."""
    if not system.auth and not system.secret and not system.auth_hosts:
        return
    if not system.auth or not system.secret:
        raise MobilakeError("--auth and --secret belong together: give both, or none of them.")
    parts(system.auth)
    check_secret_name(system.secret)
    for host in system.hosts:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", host):
            raise MobilakeError(
                f"{host!r} is no host: write --auth-hosts as names alone, such as api.example.org."
            )


def _way(name: str | None) -> str:
    return f"query:{name}" if name else "header:Authorization"


def check_timezone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MobilakeError(
            f"{name!r} is no IANA time zone: write one such as Europe/Oslo."
        ) from None
