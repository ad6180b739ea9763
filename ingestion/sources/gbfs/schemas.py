"""The official JSON Schemas of GBFS, which a user adds: they are not ours to ship."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import pyarrow as pa
import typer

from ingestion.raw import RawTable, rows_of
from ingestion.source import Context
from ingestion.sources.gbfs.feeds import FEEDS, INDEX
from ingestion.sources.gbfs.tables import UTC_TIME
from mobilake.console import say
from mobilake.errors import MobilakeError

GBFS_SCHEMA = RawTable(
    name="gbfs_schema",
    description="One row per JSON Schema of a feed and version that was added; the latest counts.",
    columns=pa.schema(
        [
            pa.field("version", pa.string(), nullable=False),
            pa.field("feed", pa.string(), nullable=False),
            pa.field("sha256", pa.string(), nullable=False),
            pa.field("schema", pa.string(), nullable=False),
            pa.field("origin", pa.string(), nullable=False),
            pa.field("added_at", UTC_TIME, nullable=False),
        ]
    ),
)

ARCHIVES = (".zip", ".jar")
MAX_BYTES = 4 << 20
_PLACE = re.compile(r"(?:.*/)?v?(\d+\.\d+(?:-[A-Za-z0-9]+)?)/(\w+)\.json")
_WANTED = (
    "it should hold v2.3/station_status.json and the like, at any depth, as a download of "
    "https://github.com/MobilityData/gbfs-json-schema does"
)


@dataclass(frozen=True)
class Schema:
    """A JSON Schema that was found."""

    version: str
    feed: str
    text: str

    @property
    def sha256(self) -> str:
        """The hash of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def add(
    call: typer.Context,
    path: Annotated[Path, typer.Argument(help="A folder, .zip or .jar that holds them.")],
) -> None:
    """Add the official JSON Schemas, so that documents are judged by them."""
    context: Context = call.obj
    found = find_schemas(path)
    added = land(context, found, path.name)
    versions = sorted({schema.version for schema in found})
    say(
        f"{len(found)} schemas of GBFS {', '.join(versions)} = {added} new + "
        f"{len(found) - added} known already. `mobilake build` judges documents by them."
    )


def find_schemas(path: Path) -> list[Schema]:
    """Return the schemas in a folder or archive: of each feed and version the least deep one.

    Sample feeds, which stand in folders of the same names, are passed over.

    Raises:
        MobilakeError: nothing is found, or something that cannot be read or used.
    """
    found: dict[tuple[str, str], Schema] = {}
    for place, version, feed, content in _candidates(path):
        text = _schema_text(place, content)
        if text is not None:
            found.setdefault((version, feed), Schema(version, feed, text))
    if not found:
        raise MobilakeError(f"No JSON Schema of GBFS is in {path}: {_WANTED}.")
    return list(found.values())


def land(context: Context, schemas: list[Schema], origin: str) -> int:
    """Land the schemas that differ from the latest of their feed and version; return how many."""
    known = context.lake.read(GBFS_SCHEMA, ["version", "feed", "sha256", "added_at"]).to_pylist()
    known.sort(key=lambda row: row["added_at"])
    latest = {(row["version"], row["feed"]): row["sha256"] for row in known}
    rows = [
        {
            "version": schema.version,
            "feed": schema.feed,
            "sha256": schema.sha256,
            "schema": schema.text,
            "origin": origin,
            "added_at": context.clock(),
        }
        for schema in schemas
        if latest.get((schema.version, schema.feed)) != schema.sha256
    ]
    return context.lake.append(GBFS_SCHEMA, rows_of(GBFS_SCHEMA, rows))


def _candidates(path: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """Give what is called as a schema would be: place, version, feed, content."""
    if path.is_dir():
        root = path.resolve().parent
        for place, version, feed in _places(
            file.relative_to(root).as_posix() for file in path.resolve().rglob("*.json")
        ):
            yield place, version, feed, (root / place).read_bytes()
    elif path.is_file() and path.suffix in ARCHIVES:
        try:
            with zipfile.ZipFile(path) as archive:
                for place, version, feed in _places(archive.namelist()):
                    if archive.getinfo(place).file_size <= MAX_BYTES:
                        yield place, version, feed, archive.read(place)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise MobilakeError(f"{path} cannot be unpacked ({error}): fetch it again.") from None
    else:
        raise MobilakeError(f"{path} is no folder, .zip or .jar: {_WANTED}.")


def _places(names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(names, key=lambda name: (name.count("/"), name)):
        place = _PLACE.fullmatch(name)
        if place and place[2] in (INDEX, *FEEDS):
            yield name, place[1], place[2]


def _schema_text(place: str, content: bytes) -> str | None:
    """Return a schema's text, or None for a document that does not say that it is a schema."""
    import jsonschema_rs  # here, because no other command needs it

    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise MobilakeError(f"{place} is not JSON ({error}): fetch it again.") from None
    if not isinstance(document, dict) or "$schema" not in document:
        return None
    try:
        jsonschema_rs.validator_for(document, offline=True)
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise MobilakeError(
            f"{place} is no usable JSON Schema ({reason}): fetch it again, or leave it out."
        ) from None
    return content.decode()
