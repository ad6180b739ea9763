"""A person or device is taken out of the raw tables, by what each table declares of its columns.

Every step can be repeated: what a killed process left half done, the next call completes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

import orjson
import pyarrow as pa
from cryptography.fernet import InvalidToken
from deltalake import DeltaTable

from ingestion import upkeep
from ingestion.lake import Lake, RawTable, rows_of
from ingestion.privacy import pseudonym, unseal
from ingestion.raw import BLANK, ITEMS, ROW, SEALED, TEXT
from mobilake.secrets import Secret

ERASURE = RawTable(
    name="erasure",
    description="One row per erasure and raw table: when, and how many rows it concerned.",
    columns=pa.schema(
        [
            pa.field("erasure_id", pa.string(), nullable=False),
            pa.field("scope", pa.string()),
            pa.field("raw_table", pa.string(), nullable=False),
            pa.field("rows_found", pa.int64(), nullable=False),
            pa.field("rows_unreadable", pa.int64(), nullable=False),
            pa.field("key_versions", pa.string(), nullable=False),
            pa.field("erased_at", pa.timestamp("us", "UTC"), nullable=False),
        ]
    ),
    row_group_rows=4096,
)

BODIES_AT_ONCE = 64 << 20
NAMES_AT_ONCE = 5000

Report = Callable[[str], None]


@dataclass(frozen=True)
class Sought:
    """Who is to be erased.

    Attributes:
        ids: as the source gave them; empty where only pseudonyms are known.
        pseudonyms: what the ids are called in the lake, under each key.
        keys: those that are known.
        scope: a condition on the tables that have its column, such as one system's.
    """

    ids: frozenset[str]
    pseudonyms: frozenset[str]
    keys: tuple[Secret, ...]
    scope: tuple[str, str] | None = None

    @classmethod
    def by_id(
        cls, ids: Iterable[str], keys: tuple[Secret, ...], scope: tuple[str, str] | None
    ) -> Sought:
        """Look for ids as the source gave them."""
        known = frozenset(filter(None, (one.strip() for one in ids)))
        hashed = frozenset(pseudonym(one, key) for one in known for key in keys)
        return cls(known, hashed, keys, scope)

    def is_in(self, text: str) -> bool:
        """Whether one of them stands in a text, an id as a whole word."""
        return bool(self._words.search(text))

    @cached_property
    def _words(self) -> re.Pattern[str]:
        names = "|".join(map(re.escape, sorted(self.ids | self.pseudonyms)))
        return re.compile(rf"(?<![0-9A-Za-z])(?:{names})(?![0-9A-Za-z])")


@dataclass(frozen=True)
class Erased:
    """What was found in a raw table, and how many sealed rows no key opens."""

    table: str
    rows: int
    unreadable: int = 0


def erase(
    lake: Lake, tables: Iterable[RawTable], sought: Sought, report: Report
) -> tuple[Erased, ...]:
    """Take somebody out of all raw tables, and out of their files and logs.

    The files of earlier versions go at once: whoever reads the lake meanwhile may have to begin
    again. The account in `erasure` names nobody.

    Args:
        report: is told of every table.

    Raises:
        TransientError: others rewrite a table all the time.
    """
    name = uuid4().hex
    done = []
    for table in tables:
        if not table.subjects:
            continue
        erased = _erase_from(lake, table, sought, report)
        row = {
            "erasure_id": name,
            "scope": sought.scope[1] if sought.scope else None,
            "raw_table": table.name,
            "rows_found": erased.rows,
            "rows_unreadable": erased.unreadable,
            "key_versions": ", ".join(str(key.version) for key in sought.keys),
            "erased_at": lake.clock(),
        }
        lake.append(ERASURE, rows_of(ERASURE, [row]))
        unreadable = f", {erased.unreadable:,} that no key opens" if erased.unreadable else ""
        report(f"{table.name}: {erased.rows:,} rows{unreadable}")
        done.append(erased)
    return tuple(done)


def without(node: Any, pseudonyms: frozenset[str]) -> Any:
    """Return a JSON document without the items that have one of the pseudonyms as a value.

    Where it stands in no item of a list it becomes null, and as a name its member goes.
    """
    if isinstance(node, list):
        return [without(one, pseudonyms) for one in node if not _is_about(one, pseudonyms)]
    if isinstance(node, dict):
        return {
            name: without(value, pseudonyms)
            for name, value in node.items()
            if not _holds(name, pseudonyms)
        }
    return None if _holds(node, pseudonyms) else node


def _is_about(item: Any, pseudonyms: frozenset[str]) -> bool:
    values = item.values() if isinstance(item, dict) else [item]
    return any(_holds(value, pseudonyms) for value in values)


def _holds(value: Any, pseudonyms: frozenset[str]) -> bool:
    return isinstance(value, str) and any(name in value for name in pseudonyms)


def _erase_from(lake: Lake, table: RawTable, sought: Sought, report: Report) -> Erased:
    rows = unreadable = 0
    for subject in table.subjects:
        column = subject.column
        if subject.manner == ITEMS:
            rows += _items(lake, table, column, sought, report)
        elif subject.manner in (ROW, BLANK):
            rows += _columns(lake, table, column, subject.manner, sought)
        elif subject.manner == TEXT:
            names = [name for name, text in _texts(lake, table, column, sought) if text]
            rows += len(names)
            for where in _named(table, names):
                _rewritten(lake, table, upkeep.blank, column, where)
        elif subject.manner == SEALED:
            found = list(_texts(lake, table, column, sought))
            unreadable += sum(is_there is None for _, is_there in found)
            names = [name for name, is_there in found if is_there]
            rows += len(names)
            for where in _named(table, names):
                _rewritten(lake, table, upkeep.remove, where)
    lake.rewritten(table, upkeep.forget)
    return Erased(table.name, rows, unreadable)


def _columns(lake: Lake, table: RawTable, column: str, manner: str, sought: Sought) -> int:
    """Erase from a column that is a pseudonym; return the rows."""
    where = f"{column} in ({_list(sorted(sought.pseudonyms))}){_within(table, sought)}"
    count = sum(
        batch.column(0)[0].as_py()
        for batch in lake.batches(table, f"select count(*) from it where {where}")
    )
    if count and manner == BLANK:
        _rewritten(lake, table, upkeep.blank, column, where)
    elif count:
        _rewritten(lake, table, upkeep.remove, where)
    return int(count)


def _texts(
    lake: Lake, table: RawTable, column: str, sought: Sought
) -> Iterator[tuple[str, bool | None]]:
    """Yield each row's name and whether somebody stands in its text; None where no key opens it."""
    is_sealed = any(one.manner == SEALED for one in table.subjects if one.column == column)
    query = f"select {table.key}, {column} from it where {column} is not null"
    for batch in lake.batches(table, query + _within(table, sought)):
        names, texts = (batch.column(place).to_pylist() for place in (0, 1))
        for name, text in zip(names, texts, strict=True):
            try:
                opened = unseal(text, *sought.keys) if is_sealed else text
            except InvalidToken:
                yield name, None
            else:
                yield name, sought.is_in(opened)


def _items(lake: Lake, table: RawTable, column: str, sought: Sought, report: Report) -> int:
    """Erase from documents, some of a day at a time; return the rows."""
    holds = " or ".join(f"strpos({column}, '{name}') > 0" for name in sorted(sought.pseudonyms))
    query = f"select landed_on, {table.key}, length({column}) from it where ({holds})"
    days: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for batch in lake.batches(table, query + _within(table, sought)):
        for day, name, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            days[str(day)].append((name, size))
    for number, (day, found) in enumerate(sorted(days.items()), start=1):
        for names in _portions(found):
            where = f"landed_on = cast('{day}' as date) and {table.key} in ({_list(names)})"
            lake.rewritten(table, _rewriting(lake, table, column, where, sought))
        report(f"{table.name}: {day}, {len(found):,} documents ({number} of {len(days)} days)")
    return sum(map(len, days.values()))


def _rewriting(
    lake: Lake, table: RawTable, column: str, where: str, sought: Sought
) -> Callable[[DeltaTable], None]:
    def rewrite(delta: DeltaTable) -> None:
        batches = lake.batches(table, f"select * from it where {where}", delta)
        rows = pa.Table.from_batches([batch for batch in batches if batch.num_rows])
        cleaned = [_cleaned(text, sought.pseudonyms) for text in rows.column(column).to_pylist()]
        rows = rows.set_column(
            rows.schema.get_field_index(column), column, pa.array(cleaned, pa.string())
        )
        if "erased_at" in rows.schema.names:
            field = table.schema.field("erased_at")
            now = pa.repeat(pa.scalar(lake.clock(), field.type), rows.num_rows)
            rows = rows.set_column(rows.schema.get_field_index("erased_at"), field, now)
        upkeep.replace(delta, table, rows, where)

    return rewrite


def _cleaned(text: str, pseudonyms: frozenset[str]) -> str | None:
    try:
        return orjson.dumps(without(orjson.loads(text), pseudonyms)).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return None


def _rewritten(lake: Lake, table: RawTable, rewrite: Callable[..., None], *how: str) -> None:
    lake.rewritten(table, lambda delta: rewrite(delta, table, *how))


def _portions(found: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Yield names of documents that are small enough together to be in memory at once."""
    names: list[str] = []
    size = 0
    for name, length in found:
        names.append(name)
        size += length
        if size >= BODIES_AT_ONCE or len(names) >= NAMES_AT_ONCE:
            yield names
            names, size = [], 0
    if names:
        yield names


def _named(table: RawTable, names: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(names), NAMES_AT_ONCE):
        yield f"{table.key} in ({_list(names[start : start + NAMES_AT_ONCE])})"


def _within(table: RawTable, sought: Sought) -> str:
    if sought.scope is None or sought.scope[0] not in table.columns.names:
        return ""
    return f" and {sought.scope[0]} = {_list([sought.scope[1]])}"


def _list(values: Iterable[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)
