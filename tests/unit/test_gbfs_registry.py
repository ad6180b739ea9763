"""What may be registered, and what a system says of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from ingestion.lake import Lake, RawTable, rows_of
from ingestion.source import Context, load_sources
from ingestion.sources.gbfs.history import settle_system
from ingestion.sources.gbfs.registry import System, check_url, register, systems
from ingestion.sources.gbfs.tables import SYSTEM_REGISTRATION
from mobilake.cli import application
from mobilake.errors import MobilakeError


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("https://example.org/gbfs.json?api_key=hush", "query:api_key"),
        ("https://example.org/gbfs.json?lang=en&Token=hush", "query:Token"),
        ("https://someone:hush@example.org/gbfs.json", "header:Authorization"),
        ("https://hush@example.org/gbfs.json", "header:Authorization"),
    ],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(url: str, mend: str) -> None:
    with pytest.raises(MobilakeError, match="holds a secret") as refusal:
        check_url(url)
    assert "hush" not in str(refusal.value)
    assert f"add `--auth {mend} --secret NAME`" in str(refusal.value)


@pytest.mark.parametrize("url", [None, "https://example.org/gbfs.json?lang=en"])
def test_any_other_address_may_be_registered(url: str | None) -> None:
    check_url(url)


def test_an_address_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(MobilakeError, match="no address"):
        check_url("http://[a]/gbfs.json")


def test_registrations_made_before_authentication_are_read(lake: Lake) -> None:
    """The table as the version before made it, with a row."""
    last = SYSTEM_REGISTRATION.columns.get_field_index("registered_at") + 1
    before = RawTable(
        SYSTEM_REGISTRATION.name, "", pa.schema(list(SYSTEM_REGISTRATION.columns)[:last])
    )
    old = {"system_id": "old", "url": None, "timezone": "UTC", "poll_interval_s": 60}
    lake.append(before, rows_of(before, [old | {"registered_at": lake.clock()}]))
    assert systems(lake) == {"old": System("old", None, "UTC", 60)}
    new = System("new", "https://a.org/", "UTC", 30, "en", "query:key", "city", "b.org,c.org")
    register(lake, new, lake.clock())
    assert systems(lake) == {"old": System("old", None, "UTC", 60), "new": new}
    assert new.hosts == ("b.org", "c.org")


def test_an_import_keeps_how_a_system_is_asked(context: Context) -> None:
    known = System("sys", "https://a.org/", "UTC", 30, "en", "query:key", "city")
    register(context.lake, known, context.clock() - timedelta(hours=1))
    assert settle_system(context, "sys", "Europe/Oslo", None) == replace(
        known, timezone="Europe/Oslo"
    )


def run(context: Context, *words: str) -> Any:
    local = context.settings.http.model_copy(update={"private_hosts": ("127.0.0.1",)})
    settings = context.settings.model_copy(update={"http": local})
    at = Context(settings, context.lake, context.clock)
    return CliRunner().invoke(application(at, load_sources(settings)), list(words), obj=at)


def information(web: Any, path: str, data: object) -> dict[str, str]:
    return {"name": "system_information", "url": web.put(path, {"version": "x", "data": data})}


def test_a_system_of_3_0_says_what_it_is_in_arrays(context: Context, web: Any) -> None:
    data = {
        "system_id": "sys",
        "languages": ["nb", "en"],
        "name": [{"text": "Bysykkel", "language": "nb"}, {"text": "City Bike", "language": "en"}],
        "timezone": "Europe/Oslo",
        "opening_hours": "Apr 1-Nov 3 00:00-24:00",
    }
    listed = {"feeds": [information(web, "/i", data)]}
    url = web.put("/gbfs.json", {"version": "3.0", "data": listed})
    assert run(context, "systems", "add", url).exit_code == 0
    assert systems(context.lake) == {"sys": System("sys", url, "Europe/Oslo", 60)}
    error = run(context, "systems", "add", url, "--language", "nb").exception
    assert "lists no feeds in 'nb': it has none to choose from" in str(error)


def test_an_identity_in_an_array_is_read_and_nonsense_is_asked_for(
    context: Context, web: Any
) -> None:
    odd = {"system_id": [{"text": "sys", "language": "en"}], "timezone": ["Europe/Oslo"]}
    url = web.put("/gbfs.json", {"data": {"feeds": [information(web, "/i", odd)]}})
    error = run(context, "systems", "add", url).exception
    assert "does not state its time zone: give it with --timezone" in str(error)
    assert run(context, "systems", "add", url, "--timezone", "UTC").exit_code == 0
    assert set(systems(context.lake)) == {"sys"}


@pytest.mark.parametrize(
    ("language", "path"), [(None, "/nb/info"), ("en", "/en/info"), ("fr", None)]
)
def test_of_several_languages_the_first_counts_or_the_one_asked_for(
    context: Context, web: Any, language: str | None, path: str | None
) -> None:
    data = {"system_id": "sys", "timezone": "UTC"}
    groups = {name: {"feeds": [information(web, f"/{name}/info", data)]} for name in ("nb", "en")}
    url = web.put("/gbfs.json", {"version": "1.0", "data": groups})
    words = ["systems", "add", url, *(["--language", language] if language else [])]
    result = run(context, *words)
    if path is None:
        assert "The index lists no feeds in 'fr': it has nb, en." in str(result.exception)
        return
    assert web.asked == ["/gbfs.json", path]
    assert systems(context.lake)["sys"].language == language
