"""The commands that GBFS adds to the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import anyio
import typer

from ingestion.http import Client
from ingestion.source import Context
from ingestion.sources.catalogue.lookup import url_of
from ingestion.sources.gbfs import history
from ingestion.sources.gbfs.feeds import languages, listed_feeds, plain
from ingestion.sources.gbfs.poll import parsed
from ingestion.sources.gbfs.recording import Recording
from ingestion.sources.gbfs.registry import (
    POLL_INTERVAL_S,
    System,
    check_auth,
    check_url,
    credential_of,
    register,
    systems,
)
from mobilake.console import say, table, tracked
from mobilake.errors import MobilakeError
from mobilake.secrets import pseudonym_key


def add(
    call: typer.Context,
    url: Annotated[
        str, typer.Argument(help="Address of the system's gbfs.json, or its id in the catalogue.")
    ],
    system: Annotated[str | None, typer.Option(help="An id, if not the feed's own.")] = None,
    timezone: Annotated[str | None, typer.Option(help="A zone, if not the feed's own.")] = None,
    interval: Annotated[
        int, typer.Option(min=1, max=86400, help="Seconds between two polls.")
    ] = POLL_INTERVAL_S,
    language: Annotated[
        str | None, typer.Option(help="Of an index with several. Default: the first.")
    ] = None,
    auth: Annotated[
        str | None, typer.Option(help="How a secret is sent: bearer, header:NAME or query:NAME.")
    ] = None,
    secret: Annotated[
        str | None, typer.Option(help="Its name; the value is in MOBILAKE_SECRET_<NAME>.")
    ] = None,
    auth_hosts: Annotated[
        str | None, typer.Option(help="Further hosts that get the secret, with commas between.")
    ] = None,
) -> None:
    """Register a system by its gbfs.json, or from the worldwide catalogue: it is polled then."""
    context: Context = call.obj
    if "/" not in url:
        url, system = url_of(context.lake, url), system or url
    check_url(url)
    asked = System(
        system_id=system or "",
        url=url,
        timezone=timezone or "",
        poll_interval_s=interval,
        language=language,
        auth=auth,
        secret=secret,
        auth_hosts=auth_hosts,
    )
    check_auth(asked)
    found = anyio.run(_look_at, context, asked)
    settled = replace(
        asked,
        system_id=system or found.get("system_id") or _missing("id", "--system"),
        timezone=timezone or found.get("timezone") or _missing("time zone", "--timezone"),
    )
    before = systems(context.lake).get(settled.system_id)
    if settled == before:
        say(f"{settled.system_id} is registered already, just so.")
        return
    register(context.lake, settled, context.clock())
    word = "changed" if before else "registered"
    say(f"{settled.system_id} is {word} ({settled.timezone}, every {interval} s).")


def show(call: typer.Context) -> None:
    """List the registered systems."""
    context: Context = call.obj
    known = systems(context.lake)
    if not known:
        say("No system is registered yet: `mobilake systems add URL` with a gbfs.json.")
        return
    table(
        ("system", "time zone", "every", "gbfs.json", "secret"),
        [
            (
                one.system_id,
                one.timezone,
                f"{one.poll_interval_s} s",
                one.url or "(recorded only)",
                f"{one.secret} ({one.auth})" if one.auth else "none",
            )
            for one in known.values()
        ],
    )


def import_gbfs(
    call: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="JSON Lines, plain, .gz or .zst.", show_default=False)
    ],
    system: Annotated[str, typer.Option(help="The id of the system it was recorded from.")],
    feed: Annotated[
        str | None,
        typer.Option(help="The feed recorded, where the files' names do not begin with it."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The system's zone, where it is not known yet.")
    ] = None,
    interval: Annotated[
        int | None,
        typer.Option(min=1, max=86400, help="Seconds between two polls, if not as in the file."),
    ] = None,
) -> None:
    """Import recorded history: lines of {"fetched_at", "body"} with the document as served."""
    context: Context = call.obj
    key = pseudonym_key(context.settings.home)
    feeds = history.feeds_of(files, feed)
    paces = {name: interval or history.typical_interval_s(feeds[name]) for name in feeds}
    for name, recorded in feeds.items():
        pace = paces[name]
        fastest = min((one for one in paces.values() if one), default=None)
        settled = history.settle_system(context, system, timezone, fastest)
        recording = Recording(settled.system_id, name, pace or settled.poll_interval_s, key)
        with tracked() as progress:
            counts = history.import_files(context, recording, recorded, progress)
        say(
            f"{name} of {system}: {counts.received:,} received = {counts.accepted:,} new + "
            f"{counts.known:,} known already + {counts.quarantined:,} quarantined "
            f"(one poll every {recording.interval_s} s)."
        )


async def _look_at(context: Context, asked: System) -> dict[str, str]:
    """Return what a system says of itself: its id and time zone, where it does."""
    url, home = str(asked.url), context.settings.home
    credential = credential_of(asked, home)
    async with Client(context.settings.http, context.clock) as client:
        attempt = await client.get(url, credential=credential)
        index = parsed(attempt.body) if attempt.error is None else None
        feeds = listed_feeds(index, asked.language, url)
        if not feeds:
            raise MobilakeError(_why_not(url, attempt.error))
        _check_language(asked.language, languages(index))
        if "system_information" not in feeds:
            return {}
        attempt = await client.get(feeds["system_information"], credential=credential)
    document = parsed(attempt.body) if attempt.error is None else None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        return {}
    said = {name: plain(data.get(name)) for name in ("system_id", "timezone")}
    return {name: value for name, value in said.items() if value}


def _check_language(language: str | None, known: list[str]) -> None:
    if language and language not in known:
        there = f"it has {', '.join(known)}" if known else "it has none to choose from"
        raise MobilakeError(f"The index lists no feeds in {language!r}: {there}.")


def _why_not(url: str, error: str | None) -> str:
    if error == "forbidden_address":
        return (
            f"{url} is on a private or loopback address, which is refused unless its host stands "
            "in private_hosts under [http] in mobilake.toml (or MOBILAKE_HTTP__PRIVATE_HOSTS)."
        )
    reason = error.replace("_", " ") if error else "it lists no GBFS feeds"
    mend = "check the address"
    if error in ("http_401", "http_403"):
        mend = "if it wants a key, give --auth and --secret, or check the value of the secret"
    return f"{url} is no gbfs.json that can be read ({reason}): {mend}."


def _missing(what: str, option: str) -> str:
    raise MobilakeError(f"The system does not state its {what}: give it with {option}.")
