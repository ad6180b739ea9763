"""The dbt-duckdb plugin that makes a DuckDB connection read the lake and judge JSON documents."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_delta
import jsonschema_rs
import orjson
import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin
from deltalake import DeltaTable
from duckdb.func import FunctionNullHandling, PythonUDFType

from ingestion.lake import Lake
from ingestion.source import load_sources
from mobilake.errors import MobilakeError
from mobilake.settings import load

log = logging.getLogger(__name__)

ERRORS_COUNTED = 100
ERRORS_TOLD = 3
TEXT_LENGTH = 200
VALUE_LENGTH = 40
_VALUE = "\x00"  # what jsonschema-rs writes for the value: ours is shorter and shows no object


class Plugin(BasePlugin):
    """Makes the home's folder before the file in it is opened, then prepares the connection."""

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """See `BasePlugin`."""
        if creds.path != ":memory:":
            Path(creds.path).parent.mkdir(parents=True, exist_ok=True)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """See `BasePlugin`."""
        load_delta(conn)
        add_functions(conn)
        complete_lake()


def load_delta(connection: duckdb.DuckDBPyConnection) -> None:
    """Load DuckDB's `delta` extension from its wheel, in place."""
    folder = Path(str(files(duckdb_extension_delta))) / "extensions" / f"v{duckdb.__version__}"
    connection.execute(f"load '{folder / 'delta.duckdb_extension'}'")


def add_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the SQL function `json_schema_errors(schema, document)`, null where either is null."""
    text = duckdb.sqltypes.VARCHAR
    connection.create_function(
        "json_schema_errors",
        _errors_of_chunk,
        [text, text],
        text,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )


def complete_lake() -> None:
    """Make the raw tables that a lake lacks because it is older than they are.

    The models read all of them. A lake without any table is left alone: nothing has landed there.
    """
    try:
        settings = load()
        sources = load_sources(settings)
    except MobilakeError as error:  # dbt, called from a folder that is no project's
        log.warning("raw tables that are missing were not made: %s", error)
        return
    lake = Lake(settings.lake, lambda: datetime.now(UTC))
    tables = [table for source in sources.values() for table in source.tables]
    missing = [table for table in tables if not DeltaTable.is_deltatable(lake.uri(table))]
    if len(missing) < len(tables):
        for table in missing:
            lake.open(table)


def json_schema_errors(schema: str, document: str) -> str | None:
    """Return what in a document breaks a JSON Schema, or None where nothing does.

    Nothing raises: a schema or a document that cannot be read is an error to tell as well. Of an
    object or array no content is told, of other values the beginning.

    Returns:
        `{"errors": n, "first": [{"path": JSON pointer, "message": text}]}` as compact JSON; no
        more than 100 are counted, no more than 3 told.
    """
    try:
        validator = _validator(schema)
        found = list(islice(validator.iter_errors(orjson.loads(document)), ERRORS_COUNTED))
        errors = len(found)
        first = [_told(error.instance_path, _message(error)) for error in found[:ERRORS_TOLD]]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
        reason = str(error).partition("\n")[0].replace(_VALUE, "a value")
        errors, first = 1, [_told([], f"cannot be judged: {reason}")]
    return orjson.dumps({"errors": errors, "first": first}).decode() if errors else None


@lru_cache(maxsize=256)
def _validator(schema: str) -> jsonschema_rs.Validator:
    """Return what judges by a schema. Nothing that it refers to elsewhere is fetched."""
    return jsonschema_rs.validator_for(
        orjson.loads(schema), validate_formats=True, mask=_VALUE, offline=True
    )


def _told(path: Sequence[str | int], message: str) -> dict[str, str]:
    place = "".join(f"/{step}" for step in path)
    return {"path": _shortened(place, TEXT_LENGTH), "message": _shortened(message, TEXT_LENGTH)}


def _message(error: jsonschema_rs.ValidationError) -> str:
    value: object = error.instance
    if isinstance(value, dict | list):
        shown = "the object" if isinstance(value, dict) else "the array"
    else:
        shown = _shortened(orjson.dumps(value, default=str).decode(), VALUE_LENGTH)
    return error.message.replace(_VALUE, shown)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _errors_of_chunk(schemas: pa.ChunkedArray, documents: pa.ChunkedArray) -> pa.Array:
    """Judge row by row: of a chunk of large documents one at a time stands in memory as objects."""
    found = [
        json_schema_errors(schema.as_py(), document.as_py())
        if schema.is_valid and document.is_valid
        else None
        for schema, document in zip(schemas, documents, strict=True)
    ]
    return pa.array(found, pa.string())
