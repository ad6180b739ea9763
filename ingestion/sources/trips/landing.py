"""One trip file into the lake: once, whole, and with each of its lines accounted for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ingestion.dead_letters import DEAD_LETTER
from ingestion.importer import Counts, account, name_of
from ingestion.lake import Kept, Lake, rows_of
from ingestion.privacy import RESTRICTED, seal
from ingestion.source import Context
from ingestion.sources.trips.families import Family, Layout, layout_of
from ingestion.sources.trips.lines import CHUNK_BYTES, Chunk, chunks
from ingestion.sources.trips.members import PIECE, Member
from ingestion.sources.trips.protection import Pseudonyms, protected
from ingestion.sources.trips.rows import Parsed, Unread, parse
from ingestion.sources.trips.tables import TRIP_FILE, TRIP_ROW
from mobilake.secrets import Secret


@dataclass(frozen=True)
class Outcome:
    """What became of a file; `layout` is None where its header is of no known family."""

    member: Member
    layout: Layout | None
    counts: Counts


@dataclass(frozen=True)
class TripFile:
    """A file that is being landed."""

    file_id: str
    system_id: str
    member: Member
    layout: Layout
    key: Secret

    @property
    def scope(self) -> str:
        """Who may hold the same keys."""
        return f"trips:{self.system_id}"


def land(
    context: Context, system_id: str, member: Member, families: list[Family], key: Secret
) -> Outcome:
    """Land a file whose content has not landed yet.

    A chunk is one commit under the file's name and the number of its last line, so that an import
    that was killed goes on where it stopped. The row of `trip_file` comes last: the models see no
    half of a file.
    """
    started_at = context.clock()
    with closing(member.open()) as stream:
        lines = chunks(stream, CHUNK_BYTES)
        head = next(lines, None)
        header = head.text.decode().rstrip("\n") if head else ""
        layout = layout_of(header, families)
        if layout is None:
            return Outcome(member, None, Counts())
        sha256 = _content_hash(member)
        file = TripFile(_file_id(system_id, sha256, layout), system_id, member, layout, key)
        known = _landed(context.lake, file.file_id)
        counts = known if known else _land_lines(context.lake, file, lines)
    account(context.lake, member.origin, file.scope, started_at, counts)
    if not known:
        _finish(context.lake, file, sha256, header, counts, started_at)
    return Outcome(member, layout, counts)


def _land_lines(lake: Lake, file: TripFile, lines: Iterator[Chunk]) -> Counts:
    """Land chunk after chunk; while one is being written the next one is read."""
    counts, writing = Counts(), None
    table, pseudonyms = lake.keep(TRIP_ROW), Pseudonyms(file.key)
    with ThreadPoolExecutor(1) as writer:
        for chunk in lines:
            parsed = parse(chunk, file.layout)
            rows = [_rows(one, file, pseudonyms) for one in parsed.tables]
            if writing:
                writing.result()
            writing = writer.submit(_write, lake, file, table, chunk.last, rows, parsed.unread)
            counts += _counted(parsed)
        if writing:
            writing.result()
    return counts


def _write(
    lake: Lake,
    file: TripFile,
    table: Kept,
    last: int,
    rows: list[pa.Table],
    unread: list[Unread],
) -> None:
    _quarantine(lake, file, unread)
    if rows:
        transaction = f"{file.scope}:{file.file_id}"
        lake.append(TRIP_ROW, pa.concat_tables(rows), transaction, last, into=table)


def _rows(table: pa.Table, file: TripFile, pseudonyms: Pseudonyms) -> pa.Table:
    count = table.num_rows
    same = {
        "file_id": file.file_id,
        "system_id": file.system_id,
        "family": file.layout.family.name,
    }
    columns = {name: pa.repeat(pa.scalar(value), count) for name, value in same.items()}
    columns["line"] = table.column("line").combine_chunks()
    columns |= protected(table, file.layout, pseudonyms)
    return pa.table(columns, schema=TRIP_ROW.columns)


def _quarantine(lake: Lake, file: TripFile, unread: list[Unread]) -> None:
    """Keep the lines that cannot be read; sealed where a personal value may stand in them.

    What a line has more than its header is nobody knows what.
    """
    if not unread:
        return
    layout = file.layout
    dead, sealed = [], []
    for one in unread:
        is_longer = one.text.count(layout.delimiter) >= len(layout.names)
        is_personal = layout.family.is_personal or bool(layout.undeclared) or is_longer
        name = name_of(file.file_id, str(one.line))
        dead.append(
            {
                "dead_letter_id": name,
                "origin": file.member.origin,
                "position": str(one.line),
                "reason": one.reason,
                "payload": None if is_personal else one.text,
            }
        )
        if is_personal:
            text = seal(one.text, file.key)
            sealed.append({"reference_id": name, "origin": file.member.origin, "sealed": text})
    if sealed:
        lake.append_new(RESTRICTED, rows_of(RESTRICTED, sealed), "reference_id", file.scope)
    lake.append_new(DEAD_LETTER, rows_of(DEAD_LETTER, dead), "dead_letter_id", file.scope)


def _counted(parsed: Parsed) -> Counts:
    return Counts(
        received=parsed.received, accepted=parsed.accepted, quarantined=len(parsed.unread)
    )


def _landed(lake: Lake, file_id: str) -> Counts | None:
    """Return what there is to say of a file that has landed before; None where it has not."""
    found = lake.read(TRIP_FILE, ["received"], f"file_id = '{file_id}'").to_pylist()
    if not found:
        return None
    return Counts(received=found[0]["received"], known=found[0]["received"])


def _finish(
    lake: Lake, file: TripFile, sha256: str, header: str, counts: Counts, imported_at: datetime
) -> None:
    row = {
        "file_id": file.file_id,
        "system_id": file.system_id,
        "file": file.member.name,
        "origin": file.member.origin,
        "sha256": sha256,
        "family": file.layout.family.name,
        "header": header,
        "undeclared": ", ".join(file.layout.undeclared) or None,
        "received": counts.received,
        "accepted": counts.accepted,
        "quarantined": counts.quarantined,
        "imported_at": imported_at,
    }
    lake.append_new(TRIP_FILE, rows_of(TRIP_FILE, [row]), "file_id", file.scope)


def _content_hash(member: Member) -> str:
    digest = hashlib.sha256()
    with closing(member.open()) as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _file_id(system_id: str, sha256: str, layout: Layout) -> str:
    """Return the name of a content as it is read: with a column declared since, it is new."""
    read = [f"{column.field}:{column.treatment}" if column else "" for column in layout.columns]
    return name_of(system_id, sha256, layout.family.name, *read)
