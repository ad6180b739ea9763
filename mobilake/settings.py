"""The choices of an installation: `mobilake.toml`, overridden by `MOBILAKE_*`, read once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from mobilake.errors import MobilakeError

FILE = "mobilake.toml"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Http(_Section):
    """Limits of every request to a source."""

    timeout_s: float = Field(20.0, gt=0, le=600)
    max_body_mb: float = Field(64.0, gt=0, le=1024)
    bodies_mb: float = Field(256.0, gt=0, le=65536)
    max_redirects: int = Field(5, ge=0, le=20)
    concurrency: int = Field(4, ge=1, le=256)
    private_hosts: tuple[str, ...] = ()


class Poll(_Section):
    """How the polling service lands what it polls, and how often it tries."""

    flush_s: float = Field(15.0, gt=0, le=300)
    flush_mb: float = Field(16.0, gt=0, le=1024)
    waiting_mb: float = Field(256.0, gt=0, le=65536)
    attempts: int = Field(3, ge=1, le=10)
    registrations_s: float = Field(60.0, gt=0, le=86400)


class Kafka(_Section):
    """Which topics of Apache Kafka, or Azure Event Hubs, the lander reads.

    Attributes:
        brokers: `host:port`, some of them with commas between.
        topics: whose messages each topic holds, by its name.
        options: further ones of librdkafka's, such as `security.protocol`.
        secrets: the names of the secrets that are further options, such as `sasl.password`.
        holes: whether offsets may be missing, as where topics are compacted, or transactions used.
    """

    topics: dict[str, str] = {}
    brokers: str = ""
    options: dict[str, str] = {}
    secrets: dict[str, str] = {}
    holes: bool = False

    @model_validator(mode="after")
    def _has_brokers(self) -> Self:
        if self.topics and not self.brokers:
            raise ValueError("topics need brokers")
        return self


class Mqtt(_Section):
    """What the lander subscribes to at an MQTT 5 broker.

    Attributes:
        url: `mqtt://host:port`, or `mqtts://host:port`.
        topics: whose messages come, by topic filter; the first that matches counts.
        client_id: by which the broker knows what was not acknowledged yet: one for each lander.
        password: the name of the secret.
    """

    url: str = Field("", pattern=r"^(mqtts?://[^/\s:]+(:\d{1,5})?)?$")
    topics: dict[str, str] = {}
    client_id: str = "mobilake"
    username: str = ""
    password: str = ""
    at_once: int = Field(1000, ge=1, le=65535)

    @model_validator(mode="after")
    def _has_url(self) -> Self:
        if self.topics and not self.url:
            raise ValueError("topics need a url")
        if (urlsplit(self.url).port or 0) > 65535:
            raise ValueError("no port is that large")
        return self


class Stream(_Section):
    """Who may send events to the lander, where it listens, and how much it takes at once.

    Attributes:
        senders: the name of each one's secret: what it sends as `X-API-Key`. (No setting may be
            called `keys`: Prefect takes an object that has them for a dictionary.)
    """

    host: str = "127.0.0.1"
    port: int = Field(8010, ge=1, le=65535)
    senders: dict[str, str] = {}
    linger_s: float = Field(0.05, ge=0, le=10)
    commit_messages: int = Field(20_000, ge=1, le=1_000_000)
    max_body_mb: float = Field(8.0, gt=0, le=1024)
    waiting_mb: float = Field(64.0, gt=0, le=65536)
    kafka: Kafka = Kafka()
    mqtt: Mqtt = Mqtt()

    @model_validator(mode="after")
    def _takes_what_it_allows(self) -> Self:
        if self.max_body_mb > self.waiting_mb:
            raise ValueError("max_body_mb is above waiting_mb: such a body could never come in")
        return self


class Serve(_Section):
    """Where the present is served.

    Attributes:
        every_s: how often it is looked for what landed.
        memory: what the database of the present may hold, as DuckDB writes it.
        days: so many days late something may be and count in the present at once.
        page: what is shown to who opens the address in a browser, from the project's folder on.
    """

    host: str = "127.0.0.1"
    page: Path | None = None
    port: int = Field(8020, ge=1, le=65535)
    every_s: float = Field(0.2, gt=0, le=3600)
    memory: str = "2GB"
    days: int = Field(3, ge=0, le=365)


class NoticeTopic(_Section):
    """A topic that notices go to.

    Attributes:
        brokers: of Kafka: `host:port`, some of them with commas between.
        url: of MQTT: `mqtt://host:port`, or `mqtts://host:port`.
        topic: its name; without one nothing is sent.
        options: further ones of librdkafka's.
        secrets: the names of the secrets that are further options; of MQTT `username`, `password`.
    """

    brokers: str = ""
    url: str = Field("", pattern=r"^(mqtts?://[^/\s:]+(:\d{1,5})?)?$")
    topic: str = ""
    options: dict[str, str] = {}
    secrets: dict[str, str] = {}


class Notices(_Section):
    """Who is told of what begins and ends, while the present is served.

    Attributes:
        mart: a live mart, one row per thing that begins and ends.
        id: the column that names a row.
        ended_at: the column that is null while it goes on.
        every_s: how often it is looked for what is new.
        webhooks: the names of the secrets that hold the addresses, by the webhook's name.
    """

    mart: str = ""
    id: str = ""
    ended_at: str = ""
    every_s: float = Field(2.0, gt=0, le=3600)
    webhooks: dict[str, str] = {}
    kafka: NoticeTopic = NoticeTopic()
    mqtt: NoticeTopic = NoticeTopic()


class Maintenance(_Section):
    """For how many days the lake keeps what.

    Attributes:
        keep_days: by raw table, the days after which its rows go; others keep all.
        keep_files_days: files that were merged or emptied stay so long, for who still reads them.
    """

    keep_days: dict[str, Annotated[int, Field(ge=1)]] = {}
    keep_files_days: int = Field(7, ge=1, le=365)


class Privacy(_Section):
    """How long what could not be pseudonymised is kept, encrypted; what tells whose ids are meant.

    Attributes:
        scope: the column of raw tables within which an id names one person or device.
    """

    restricted_days: int = Field(30, ge=0, le=365)
    scope: str = ""


class Build(_Section):
    """How much a build reads at once.

    Attributes:
        slice_mb: of what has landed, as it was served: memory is bounded by it, however long the
            history. The rest is read by further rounds of the same build.
    """

    slice_mb: float = Field(4000, gt=0)


class Gate(_Section):
    """Which relation says who is held back, and which column of a mart they stand in."""

    held: str = ""
    held_by: str = ""


class Publication(_Section):
    """What is kept of earlier results, and what a run reports of them."""

    keep_generations: int = Field(5, ge=2, le=1000)
    summary: Path | None = None


class Settings(BaseSettings):
    """One frozen object, made by `load` and passed down."""

    model_config = SettingsConfigDict(
        env_prefix="MOBILAKE_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    root: Path
    home: Path = Path("data")
    lake: str = ""
    sources: dict[str, str] = {}
    source: dict[str, dict[str, Any]] = {}
    http: Http = Http()
    poll: Poll = Poll()
    stream: Stream = Stream()
    serve: Serve = Serve()
    notices: Notices = Notices()
    maintenance: Maintenance = Maintenance()
    privacy: Privacy = Privacy()
    build: Build = Build()
    gate: Gate = Gate()
    publication: Publication = Publication()

    @property
    def warehouse(self) -> Path:
        """The file dbt writes bronze and silver to; one writer."""
        return self.home / "warehouse.duckdb"

    @property
    def gold(self) -> Path:
        """The file dbt writes gold to, attached by the warehouse; published by a copy of it."""
        return self.home / "gold.duckdb"

    @property
    def artifacts(self) -> Path:
        """Where dbt leaves its manifest, results and log when `mobilake` runs it."""
        return self.home / "target"

    @property
    def serving(self) -> Path:
        """Where the published generations stand."""
        return self.home / "serving"

    @property
    def erasure_pending(self) -> Path:
        """Is there while something was erased from the lake and may stand in what is published."""
        return self.home / "erasure.pending"

    @property
    def marts(self) -> Path:
        """The link to the last published generation: what readers open."""
        return self.serving / "marts.duckdb"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; `root` alone is given by the program."""
        file = settings_cls.model_config.get("toml_file")
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


def load(start: Path | None = None) -> Settings:
    """Read the settings of the project that holds `start` (default: the present folder).

    Raises:
        MobilakeError: no project is there, or a value in the file or environment is wrong.
    """
    root = find_root(start or Path.cwd())

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=root / FILE)

    try:
        found = Located(root=root)
    except ValidationError as error:
        raise MobilakeError(first_mistake(error)) from None
    except ValueError as error:
        raise MobilakeError(f"{FILE} or a MOBILAKE_* variable cannot be read: {error}.") from None
    home = (root / found.home).resolve()
    return Settings.model_construct(
        **{name: getattr(found, name) for name in Settings.model_fields}
        | {"home": home, "lake": _lake(root, found.lake or str(home / "lake"))}
    )


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above `start` that holds `mobilake.toml`."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE).is_file():
            return folder
    raise MobilakeError(
        f"No {FILE} in {start} or above it: run the command from the project's folder."
    )


def share_with_libraries(settings: Settings) -> None:
    """Tell dbt, dlt, Soda and Prefect where things are, and to be quiet, through the environment.

    What the user has set stands.
    """
    os.environ["MOBILAKE_HOME"] = str(settings.home)
    os.environ["MOBILAKE_LAKE"] = settings.lake
    os.environ["MOBILAKE_SLICE_MB"] = str(settings.build.slice_mb)
    for name, value in {
        "DO_NOT_TRACK": "1",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "LOAD__DELETE_COMPLETED_JOBS": "true",  # dlt's: what has landed is not kept twice
        "SODA_CORE_TELEMETRY_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",  # dlt's: what failed comes back as an error
        "PREFECT_HOME": str(settings.home / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }.items():
        os.environ.setdefault(name, value)


def _lake(root: Path, place: str) -> str:
    """Return where the lake stands: an object store's address, or a folder from `root` on."""
    return (place if "://" in place else str((root / place).resolve())).rstrip("/")


def first_mistake(error: ValidationError, *above: str) -> str:
    """Return a sentence about the first mistake in settings, or in those of the tables `above`."""
    mistake = error.errors()[0]
    names = [*above, *map(str, mistake["loc"])]
    key, variable = ".".join(names), "MOBILAKE_" + "__".join(names).upper()
    if mistake["type"] == "extra_forbidden":
        return f"{FILE} has a setting `{key}` that is not known: see the comments there."
    return f"The setting `{key}` ({FILE}, or {variable}) is wrong: {mistake['msg']}."
