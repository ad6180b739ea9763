"""Columns of rows as they may land: bikes as pseudonyms, births as decades, some dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.privacy import pseudonym
from ingestion.sources.trips.families import BAND, DROP, HASH, Layout
from ingestion.sources.trips.tables import FIELDS
from mobilake.secrets import Secret

MOST = 200_000
"""Pseudonyms kept; more differ only where what is declared an id is none."""


@dataclass
class Pseudonyms:
    """The pseudonyms of ids under a key, each made once: bikes are few among rides."""

    key: Secret
    known: dict[str, str] = field(default_factory=dict)

    def of(self, values: pa.Array) -> pa.Array:
        """Return texts as pseudonyms; an empty one stays, and a number's empty decimals go."""
        encoded = values.dictionary_encode()
        if len(self.known) > MOST:
            self.known.clear()
        hashes = [self._one(str(text)) for text in encoded.dictionary.to_pylist()]
        return pa.array(hashes, pa.string()).take(encoded.indices)

    def _one(self, text: str) -> str:
        if text not in self.known:
            name = re.sub(r"^(\d+)\.0+$", r"\1", text.strip())
            self.known[text] = pseudonym(name, self.key) if name else ""
        return self.known[text]


def protected(table: pa.Table, layout: Layout, pseudonyms: Pseudonyms) -> dict[str, pa.Array]:
    """Return the fields of rows, all of `FIELDS`, with their personal values replaced.

    Args:
        table: a text column for each declared column of the file, named by its place.
    """
    fields: dict[str, pa.Array] = {}
    for place, column in enumerate(layout.columns):
        if column is None or column.treatment == DROP:
            continue
        values = table.column(str(place)).combine_chunks()
        if column.treatment == HASH:
            values = pseudonyms.of(values)
        elif column.treatment == BAND:
            values = _decades(values)
        fields[column.field] = values
    absent = pa.nulls(table.num_rows, pa.string())
    return {name: fields.get(name, absent) for name in FIELDS}


def _decades(values: pa.Array) -> pa.Array:
    """Return the decade of years such as `1984` or `1984.0`; what is no such year is dropped."""
    year = pc.utf8_trim_whitespace(values)
    is_year = pc.match_substring_regex(year, r"^(19|20)\d\d(\.0*)?$")
    decade = pc.binary_join_element_wise(pc.utf8_slice_codeunits(year, 0, 3), "0", "")
    return pc.if_else(is_year, decade, pa.scalar(None, pa.string()))
