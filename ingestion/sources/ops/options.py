"""Which database belongs to which system, and what its tables and columns are called."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from ingestion.source import Options
from ingestion.sources.ops.tables import TABLES

NAME = "ops"
_BY_NAME = {table.name: table for table in TABLES}


class Database(Options):
    """A system's operations database, under `[source.ops.databases.<system_id>]`.

    Attributes:
        secret: the name of the secret that holds its address, as SQLAlchemy writes it.
        url: the address itself, of a database that is a file.
        namespace: the schema its tables stand in, `schema` in the settings.
        timezone: the zone of times that state none.
        tables: what its tables are called, where they are called otherwise.
        columns: the same of columns, by table.
    """

    secret: str = ""
    url: str = ""
    namespace: str = Field("", alias="schema")
    timezone: str = "UTC"
    tables: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, dict[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_address(self) -> Database:
        if bool(self.secret) == bool(self.url):
            raise ValueError("give either `secret` or, for a file, `url`")
        if "@" in self.url:
            raise ValueError("an address with a user in it is a secret: give its name as `secret`")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise ValueError(f"{name} is no time zone") from error
        return name

    @field_validator("tables", "columns")
    @classmethod
    def _known_names(cls, names: dict[str, object]) -> dict[str, object]:
        for table, columns in names.items():
            if table not in _BY_NAME:
                raise ValueError(f"{table} is none of {', '.join(_BY_NAME)}")
            for column in columns if isinstance(columns, dict) else ():
                if column not in _BY_NAME[table].read:
                    raise ValueError(f"{column} is no column that is read of {table}")
        return names


class OpsOptions(Options):
    """What can be chosen under `[source.ops]`.

    Attributes:
        overlap_s: how far before the newest stamp known rows are read again: a stamp is set when a
            change begins, which may be some time before others see it.
    """

    databases: dict[str, Database] = Field(default_factory=dict)
    overlap_s: float = Field(300.0, ge=0, le=86400)
