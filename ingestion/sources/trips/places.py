"""Places that trip files are taken from: folders, object stores, SFTP servers.

dlt's filesystem lists and opens them. A file that is not local is copied first, to a place that has
no name: it holds what may not be kept, and goes with the process, however that ends.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

import fsspec
from pydantic import BaseModel, ConfigDict, field_validator

from ingestion.source import Options
from ingestion.sources.trips.members import ENDINGS, PIECE, Opener
from mobilake.errors import MobilakeError
from mobilake.secrets import named_secret

TAKEN = (*ENDINGS, ".zip")


class Place(BaseModel):
    """Where files of a system are.

    Attributes:
        url: a folder's path or an address, with `*` where several files are meant. A folder means
            all trip files in it and below.
        options: what the file system is opened with, as fsspec names it, such as `endpoint_url`.
        secrets: the same, as names of secrets, such as `{key = "aws_key"}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    url: str
    timezone: str | None = None
    options: dict[str, Any] = {}
    secrets: dict[str, str] = {}

    @field_validator("url")
    @classmethod
    def _has_no_secret(cls, url: str) -> str:
        if urlsplit(url).password is not None:
            raise ValueError("it holds a password: name it under `secrets` instead")
        return url


class TripsOptions(Options):
    """What can be chosen under `[source.trips]`."""

    urls: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Listed:
    """A file of a place.

    Attributes:
        name: its own name, ending included.
        url: where it is, without what proves us.
        item: dlt's file item.
    """

    name: str
    url: str
    size: int | None
    modified_at: datetime
    item: Any

    @contextmanager
    def opener(self) -> Iterator[Opener]:
        """Give what opens the file from its beginning, as often as wanted."""
        if self.url.startswith("file:"):
            path = Path(self.item.local_file_path)
            yield lambda: path.open("rb")
            return
        with tempfile.TemporaryFile() as copy:
            with self.item.open(compression="disable") as served:
                shutil.copyfileobj(served, copy, PIECE)
            copy.flush()
            yield lambda: io.BufferedReader(_View(copy), PIECE)


class _View(io.RawIOBase):
    """A file read from a position of its own, so that it can be open several times at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._position = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        size = os.fstat(self._file.fileno()).st_size
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        piece = os.pread(self._file.fileno(), len(buffer), self._position)
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def listed(place: Place, root: Path, home: Path) -> list[Listed]:
    """Return the trip files of a place, the oldest first, so that a corrected one comes last.

    Args:
        root: what a relative path starts from.
        home: where secrets are looked for.

    Raises:
        MobilakeError: a secret has no value, or the place cannot be opened or listed.
    """
    from dlt.sources.filesystem import filesystem  # here, because dlt takes two seconds

    url, glob = _parts(place.url if "://" in place.url else str(root / place.url))
    secrets = {name: named_secret(home, secret) for name, secret in place.secrets.items()}
    shown = {name: secret.reveal() for name, secret in secrets.items()}
    try:
        store, _ = fsspec.core.url_to_fs(url, **{**place.options, **shown})
        store.invalidate_cache()
        items = list(filesystem(url, credentials=store, file_glob=glob))
    except ImportError as error:
        raise MobilakeError(f"{place.url} needs a library that is not here: {error}") from None
    except Exception as error:  # noqa: BLE001 - each store has errors of its own
        raise MobilakeError(f"{place.url} cannot be listed ({_told(error, shown)}).") from None
    found = [_listed(item) for item in items if item["file_name"].lower().endswith(TAKEN)]
    return sorted(found, key=lambda one: (one.modified_at, one.url))


def _listed(item: Any) -> Listed:
    moment = item["modification_date"]
    return Listed(
        name=item["file_name"],
        url=item["file_url"],
        size=item.get("size_in_bytes"),
        modified_at=(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC),
        item=item,
    )


def _parts(url: str) -> tuple[str, str]:
    """Return the folder of a place and what is meant in it."""
    if not re.search(r"[*?\[]", url):
        place = PurePosixPath(url)
        if place.suffix.lower() in TAKEN:
            return url.removesuffix(place.name).rstrip("/"), place.name
        return url.rstrip("/"), "**/*"
    fixed = re.split(r"[*?\[]", url)[0].rpartition("/")[0]
    return fixed, url[len(fixed) + 1 :]


def _told(error: Exception, secrets: Mapping[str, str]) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    for value in secrets.values():
        text = text.replace(value, "****")
    return text
