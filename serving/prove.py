"""`mobilake prove`: one published row recomputed from the raw bytes it rests on, with the trail.

The raw rows that count are copied from the lake into a lake of their own, the same models are built
from them, and the row that comes out is laid beside the one that was published. A mart says in its
`meta` which columns name a row (`proved_by`), by which others a person may ask for it (`found_by`),
and the raw table it rests on (`proved_from`). Two queries in `serving/evidence/` pick the raw rows:
the one named like the mart reads `claimed`, the row as published, and gives `span`, what it rests
on; the one named like the raw table reads `span` and the tables of `raw`, and gives with each raw
row a struct `shown` for the trail: null or {name, at, status, error, sha256, body, erased_at}.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.lake import Lake, RawTable
from ingestion.source import Context
from mobilake import transform
from mobilake.errors import MobilakeError
from mobilake.settings import Settings, share_with_libraries
from quality.gate import MARTS_SCHEMA
from serving import publish as publishing

EVIDENCE = Path("serving") / "evidence"
SHORTEST_ID = 8
BATCH_ROWS = 64
NOT_COMPARED = ("built_at",)
Row = dict[str, Any]


@dataclass(frozen=True)
class Poll:
    """A raw row of the trail.

    Attributes:
        hash_holds: whether the body kept has the hash that was taken of the bytes received; None
            where there is no body.
        is_erased: whether somebody was taken out of the body since, at their request.
    """

    name: str
    at: str
    status: int | None
    error: str | None
    sha256: str | None
    hash_holds: bool | None
    is_erased: bool = False


@dataclass(frozen=True)
class Proof:
    """What was published, what it rests on, and what came out of that again.

    Attributes:
        metric: the column that was asked for, if it was one.
    """

    mart: str
    name: str
    claimed: Row
    recomputed: Row | None
    polls: tuple[Poll, ...]
    rule: str
    generation: int
    published_with: str
    code_version: str
    lake_version: int
    metric: str | None = None

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """The columns that came out otherwise: as published, as recomputed."""
        again = self.recomputed or {}
        return {
            name: (value, again.get(name))
            for name, value in self.claimed.items()
            if name not in NOT_COMPARED and value != again.get(name)
        }

    @property
    def broken(self) -> list[Poll]:
        """The polls whose body is not the one received, though nobody was erased from it."""
        return [poll for poll in self.polls if poll.hash_holds is False and not poll.is_erased]

    @property
    def holds(self) -> bool:
        """Whether the same came out of the same bytes."""
        return self.recomputed is not None and not self.differences and not self.broken


@dataclass(frozen=True)
class Provable:
    """A mart that can be proved: what its `meta` says, and its columns."""

    proved_by: tuple[str, ...]
    found_by: tuple[str, ...]
    proved_from: str
    columns: frozenset[str]


def prove(
    context: Context,
    tables: Iterable[RawTable],
    words: Sequence[str],
    report: Callable[[str], None] = lambda line: None,
) -> Proof:
    """Recompute a published row from the lake.

    Args:
        tables: the raw tables of all sources.
        words: the row's id; or a mart or one of its columns, and what names the row. Of each name
            the beginning is enough where it leads to one row.

    Raises:
        MobilakeError: nothing is published, no row is named so, or several are.
    """
    settings = context.settings
    published = publishing.current(settings)
    if published is None or not (settings.artifacts / "manifest.json").is_file():
        raise MobilakeError("Nothing is published here yet: `mobilake build` publishes.")
    marts = provable(settings)
    mart, claimed, publication = _claim(published, marts, words)
    key = {column: str(claimed[column]) for column in marts[mart].proved_by}
    name = " ".join(str(claimed[column]) for column in marts[mart].found_by)
    report(f"{mart} {name}, generation {publication['generation']}")
    model, needed = _models(settings)[mart], _sources(settings, mart)
    known = tuple(table for table in tables if table.name in needed)
    source = next(table for table in known if table.name == marts[mart].proved_from)
    with _aside(settings) as place:
        again = Lake(str(place / "lake"), context.clock)
        queries = [
            (settings.root / EVIDENCE / f"{one}.sql").read_text(encoding="utf-8")
            for one in (mart, source.name)
        ]
        polls = _copy(context.lake, again, known, source, queries, (published, mart, key))
        report(f"{len(polls)} polls; building {mart} from them anew …")
        scratch = settings.model_copy(update={"home": place, "lake": again.root})
        _build(settings, scratch, mart)
        recomputed = _one(scratch.gold, mart, key)
    return Proof(
        mart=mart,
        name=name,
        claimed=claimed,
        recomputed=recomputed,
        polls=polls,
        rule=str(model["description"]),
        generation=int(publication["generation"]),
        published_with=str(publication["code_version"]),
        code_version=publishing.code_version(settings.root),
        lake_version=int(context.lake.open(source).version()),
        metric=words[0] if len(words) > 1 and words[0] in claimed else None,
    )


def provable(settings: Settings) -> dict[str, Provable]:
    """Return what is said of the marts that can be proved."""
    found = {}
    for name, node in _models(settings).items():
        meta = node["config"].get("meta", {})
        if "proved_by" in meta:
            key = tuple(meta["proved_by"])
            asked = tuple(meta.get("found_by", key))
            found[name] = Provable(key, asked, meta["proved_from"], frozenset(node["columns"]))
    return found


def write(proof: Proof, folder: Path) -> Path:
    """Write the trail as JSON and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{proof.mart}-{proof.name.replace(' ', '-').replace('/', '-')}.json"
    trail = {
        "holds": proof.holds,
        "mart": proof.mart,
        "rule": proof.rule,
        "generation": proof.generation,
        "published_with": proof.published_with,
        "recomputed_with": proof.code_version,
        "lake_version": proof.lake_version,
        "published": proof.claimed,
        "recomputed": proof.recomputed,
        "differences": proof.differences,
        "polls": [vars(poll) for poll in proof.polls],
    }
    file.write_text(json.dumps(trail, indent=2, default=str) + "\n", encoding="utf-8")
    return file


def _models(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        node["name"]: node
        for node in transform.manifest(settings)["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == MARTS_SCHEMA
    }


def _sources(settings: Settings, mart: str) -> set[str]:
    """Return the raw tables that a mart rests on, however far away."""
    manifest = transform.manifest(settings)
    nodes, sources = manifest["nodes"], manifest["sources"]
    waiting = [name for name, node in nodes.items() if node["name"] == mart]
    known: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in known:
            known.add(name)
            waiting += nodes.get(name, {}).get("depends_on", {}).get("nodes", [])
    return {sources[name]["name"] for name in known if name in sources}


def _claim(
    published: Path, marts: Mapping[str, Provable], words: Sequence[str]
) -> tuple[str, Row, Row]:
    found: list[tuple[str, Row]] = []
    with duckdb.connect(str(published), read_only=True) as connection:
        for mart, names in _meant(marts, words).items():
            condition = " and ".join(f"starts_with(cast({name} as varchar), ?)" for name in names)
            rows = _dictionaries(
                connection.execute(
                    f"select * from {MARTS_SCHEMA}.{mart} where {condition}", list(names.values())
                )
            )
            exact = [row for row in rows if all(str(row[key]) == names[key] for key in names)]
            found += [(mart, row) for row in exact or rows]
        publication = _dictionaries(
            connection.execute(
                f"select * from {MARTS_SCHEMA}.publication order by generation desc limit 1"
            )
        )[0]
    if len(found) != 1:
        raise MobilakeError(
            f"{' '.join(words)!r} names {'more than one row' if found else 'no row'} of what is "
            f"published. {_ways(marts)}"
        )
    return *found[0], publication


def _meant(marts: Mapping[str, Provable], words: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the marts in which a row may be meant, each with the beginnings of its names."""
    first, names = words[0], words[1:]
    if not names:
        if len(first) < SHORTEST_ID:
            raise MobilakeError(f"An id is told by its first {SHORTEST_ID} characters, or more.")
        ids = {mart: one.found_by[0] for mart, one in marts.items() if len(one.found_by) == 1}
        return {mart: {column: first} for mart, column in ids.items()}
    meant = {
        mart: dict(zip(one.found_by, names, strict=True))
        for mart, one in marts.items()
        if len(one.found_by) == len(names) and (first == mart or first in one.columns)
    }
    if not meant:
        raise MobilakeError(f"Nothing can be proved as {' '.join(words)!r}. {_ways(marts)}")
    return meant


def _ways(marts: Mapping[str, Provable]) -> str:
    """Say how a row is asked for."""
    ids = [mart for mart, one in marts.items() if len(one.found_by) == 1]
    others = "; ".join(
        f"{mart}, or a column of it, with {' '.join(one.found_by)}"
        for mart, one in marts.items()
        if len(one.found_by) > 1
    )
    return f"What can be proved: an id of {', '.join(ids) or 'no mart'}; {others or 'no more'}."


def _copy(
    lake: Lake,
    into: Lake,
    tables: Iterable[RawTable],
    source: RawTable,
    queries: Sequence[str],
    claim: tuple[Path, str, Mapping[str, str]],
) -> tuple[Poll, ...]:
    """Copy what a row rests on, and the small tables whole. Return the polls to be shown.

    Args:
        queries: the one of `claimed`, and the one of `span` and the raw tables.
        claim: the generation, the mart, and what names the row.
    """
    from ingestion.duckdb_plugin import load_delta  # here, because dbt takes seconds

    polls: list[Poll] = []
    with duckdb.connect() as connection:
        load_delta(connection)
        connection.execute("set timezone = 'UTC'; create schema raw")
        for table in tables:
            lake.open(table)
            into.open(table)
            place = _quoted(lake.uri(table))
            connection.execute(
                f"create view raw.{table.name} as select * from delta_scan('{place}')"
            )
        file, mart, key = claim
        condition = " and ".join(f"cast({name} as varchar) = ?" for name in key)
        connection.execute(f"attach '{_quoted(file)}' as published (read_only)")
        row = f"select * from published.{MARTS_SCHEMA}.{mart} where {condition}"
        # from the generation itself: what is null has its type there
        connection.execute(f"create table claimed as {row}", list(key.values()))
        spanned, picked = queries
        connection.execute(f"create table span as {spanned}")
        for batch in connection.execute(picked).to_arrow_reader(BATCH_ROWS):
            rows = pa.Table.from_batches([batch])
            polls += [_poll(shown) for shown in rows.column("shown").to_pylist() if shown]
            into.append(source, _fit(rows, source))
        for table in tables:
            if table.row_group_rows > BATCH_ROWS:  # of narrow rows: registrations and the like
                found = connection.execute(f"select * from raw.{table.name}")
                into.append(table, _fit(found.to_arrow_table(), table))
    return tuple(sorted(polls, key=lambda poll: poll.at))


def _fit(rows: pa.Table, table: RawTable) -> pa.Table:
    return rows.select(table.columns.names).cast(table.columns)


def _poll(shown: Row) -> Poll:
    body, taken = shown["body"], shown["sha256"]
    now = hashlib.sha256(body.encode()).hexdigest() if body is not None else None
    return Poll(
        name=shown["name"],
        at=shown["at"].isoformat(),
        status=shown["status"],
        error=shown["error"],
        sha256=taken,
        hash_holds=None if now is None else now == taken,
        is_erased=shown["erased_at"] is not None,
    )


def _build(settings: Settings, scratch: Settings, mart: str) -> None:
    share_with_libraries(scratch)
    try:
        transformed = transform.build_landed(
            scratch,
            arguments=("--select", f"+{mart}", *transform.WITHOUT_TESTS),
        )
    finally:
        share_with_libraries(settings)
    if transformed.failures:
        raise MobilakeError(f"The models could not be built anew: {transformed.failures[0].reason}")


def _one(file: Path, mart: str, key: Mapping[str, str]) -> Row | None:
    condition = " and ".join(f"cast({name} as varchar) = ?" for name in key)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{_quoted(file)}' as built (read_only)")
        rows = connection.execute(
            f"select * from built.{MARTS_SCHEMA}.{mart} where {condition}", list(key.values())
        )
        return next(iter(_dictionaries(rows)), None)


def _dictionaries(found: duckdb.DuckDBPyConnection) -> list[Row]:
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextmanager
def _aside(settings: Settings) -> Iterator[Path]:
    """Yield a folder of the home that is gone afterwards."""
    settings.home.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="prove-", dir=settings.home))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _quoted(place: object) -> str:
    return str(place).replace("'", "''")
