"""What the catalogue lists now, for who registers a system by its id."""

from __future__ import annotations

from datetime import datetime

import orjson

from ingestion.lake import Lake
from ingestion.sources.catalogue.entries import URL
from ingestion.sources.catalogue.tables import SYSTEM_CATALOGUE
from mobilake.errors import MobilakeError

Entry = dict[str, str]


def current(lake: Lake) -> dict[str, Entry]:
    """Return the entries of the catalogue by id: its last version, and what changed since."""
    columns = ["catalogue_system_id", "kind", "position", "entry", "as_of"]
    rows = lake.read(SYSTEM_CATALOGUE, columns).to_pylist()
    rows.sort(key=lambda row: (row["as_of"], row["position"] or 0))
    found: dict[str, Entry] = {}
    version: datetime | None = None
    for row in rows:
        if row["kind"] == "list" and row["as_of"] != version:
            found, version = {}, row["as_of"]
        if row["kind"] == "delete":
            found.pop(row["catalogue_system_id"], None)
        else:
            found[row["catalogue_system_id"]] = orjson.loads(row["entry"])
    return found


def url_of(lake: Lake, system_id: str) -> str:
    """Return the address of the gbfs.json of a system that the catalogue lists.

    Raises:
        MobilakeError: it lists none of this id.
    """
    known = current(lake)
    if not known:
        raise MobilakeError(
            f"{system_id!r} is no address, and no catalogue is here to look it up in: set url "
            "under [source.catalogue] and `mobilake ingest catalogue`, or `mobilake import "
            "catalogue systems.csv`."
        )
    url = known.get(system_id, {}).get(URL)
    if not url:
        raise MobilakeError(
            f"The catalogue lists no address for {system_id!r}: "
            "look with `mobilake systems search`."
        )
    return url
