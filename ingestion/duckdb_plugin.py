"""The dbt-duckdb plugin that makes a DuckDB connection read the lake, without any download."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_delta
from dbt.adapters.duckdb.plugins import BasePlugin


class Plugin(BasePlugin):
    """Makes the home's folder before the file in it is opened, then loads the extension."""

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """See `BasePlugin`."""
        if creds.path != ":memory:":
            Path(creds.path).parent.mkdir(parents=True, exist_ok=True)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """See `BasePlugin`."""
        load_delta(conn)


def load_delta(connection: duckdb.DuckDBPyConnection) -> None:
    """Load DuckDB's `delta` extension from its wheel, in place."""
    folder = Path(str(files(duckdb_extension_delta))) / "extensions" / f"v{duckdb.__version__}"
    connection.execute(f"load '{folder / 'delta.duckdb_extension'}'")
