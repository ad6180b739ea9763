"""The worldwide catalogue: versions and lines of history as rows, and what it lists now."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ingestion.attempt import Attempt
from ingestion.dead_letters import Rejected
from ingestion.lake import rows_of
from ingestion.sources.catalogue.entries import listed, read_change
from ingestion.sources.catalogue.lookup import current, url_of
from ingestion.sources.catalogue.source import _taken, pull
from ingestion.sources.catalogue.tables import SYSTEM_CATALOGUE
from mobilake.errors import MobilakeError

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HEADER = "Country Code,Name,Location,System ID,URL,Auto-Discovery URL,Supported Versions"
CSV = f"""\ufeff{HEADER}
NO,"Oslo, City Bike",Oslo,oslo,https://o.example,https://o.example/gbfs.json,2.3
NO,Bergen,Bergen,bergen,https://b.example,https://b.example/gbfs.json,2.3
NO,Nowhere,Nowhere,,https://n.example,https://n.example/gbfs.json,2.3
NO,Short,Line
"""


def change(**fields: object) -> bytes:
    told = {
        "commit_ts": 1459133146,
        "op": "upsert",
        "system_id": "oslo",
        "row": {"System ID": "oslo", "Auto-Discovery URL": "https://old.example/gbfs.json"},
    }
    return json.dumps(told | fields).encode()


def test_a_version_is_a_row_for_each_system_and_other_lines_are_told():
    found = listed(CSV.encode(), NOW, "systems.csv")
    assert [row["catalogue_system_id"] for row in found.rows] == ["oslo", "bergen"]
    assert json.loads(str(found.rows[0]["entry"]))["Name"] == "Oslo, City Bike"
    assert [(one.line, one.reason) for one in found.unread] == [
        (4, "names no system"),
        (5, "more or fewer values than columns"),
    ]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "no column"),
        (b"<html>", "no column"),
        (b"a,b\n1,2\n", "no column"),
        (HEADER.encode(), "lists no system"),
        (b"\xff\xfe", "decode"),
        (b"x" * 200_000, "field larger"),
    ],
)
def test_what_is_no_catalogue_is_refused(document, reason):
    with pytest.raises(ValueError, match=reason):
        listed(document, NOW, "systems.csv")


def test_the_same_version_has_the_same_names_and_a_later_one_others():
    first, again = (listed(CSV.encode(), NOW, "x").rows for _ in range(2))
    later = listed(CSV.encode(), NOW.replace(hour=13), "x").rows
    assert [row["entry_id"] for row in first] == [row["entry_id"] for row in again]
    assert not {row["entry_id"] for row in first} & {row["entry_id"] for row in later}


def test_a_line_of_history_is_a_change_at_its_time():
    row = read_change(change(), "history.jsonl", 1)
    assert (row["kind"], row["catalogue_system_id"]) == ("upsert", "oslo")
    assert row["as_of"] == datetime(2016, 3, 28, 2, 45, 46, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "no object"),
        (b"{}", "lacks 'commit_ts'"),
        (change(commit_ts="soon"), "commit_ts is no time"),
        (change(commit_ts=10**15), "commit_ts is no time"),
        (change(op="rename"), "op is neither"),
        (change(system_id=" "), "names no system"),
        (change(row=[1]), "no entry"),
        (change(row=None), "no entry"),
        (change(row={"Name": "deep"}).replace(b'"deep"', b"[" * 300 + b"]" * 300), "too deeply"),
    ],
)
def test_a_line_that_is_none_is_rejected_with_its_reason(line, reason):
    with pytest.raises(Rejected, match=reason):
        read_change(line, "history.jsonl", 1)


def test_what_is_listed_now_is_the_last_version_and_what_changed_since(lake):
    with pytest.raises(MobilakeError, match="no catalogue is here"):
        url_of(lake, "oslo")
    history = [
        read_change(change(), "h", 1),
        read_change(change(system_id="gone"), "h", 2),
        read_change(change(system_id="closed", commit_ts=int(NOW.timestamp()) + 60), "h", 3),
        read_change(change(system_id="bergen", op="delete", commit_ts=4 * 10**9), "h", 4),
    ]
    rows = [*history, *listed(CSV.encode(), NOW, "systems.csv").rows]
    lake.append(SYSTEM_CATALOGUE, rows_of(SYSTEM_CATALOGUE, rows))
    assert set(current(lake)) == {"oslo", "closed"}
    assert url_of(lake, "oslo") == "https://o.example/gbfs.json"
    with pytest.raises(MobilakeError, match="lists no address for 'gone'"):
        url_of(lake, "gone")


def test_a_look_that_brings_nothing_new_or_no_catalogue_lands_as_a_look_alone():
    attempt = Attempt("https://c.example/systems.csv", NOW, NOW, 1.0, 200, CSV.encode())
    row, found = _taken(attempt, None)
    assert (row["systems"], row["error"], len(found.rows)) == (2, None, 2)
    _, known = _taken(attempt, str(row["sha256"]))
    assert known.rows == []
    page = Attempt("https://c.example/systems.csv", NOW, NOW, 1.0, 200, b"<html>")
    row, found = _taken(page, None)
    assert found.rows == []
    assert str(row["error"]).startswith("no catalogue")
    assert row["sha256"] is None


def test_without_an_address_the_pass_says_so_and_gives_nothing(context, capsys):
    assert pull(context) == []
    assert "no url is set under [source.catalogue]" in capsys.readouterr().out
