"""Weather as a source of the platform: each registered system's hours, asked once an hour."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.to_thread

from ingestion.credentials import Credential
from ingestion.http import Client
from ingestion.lake import rows_of
from ingestion.source import Context, Polling, Source
from ingestion.sources.gbfs.registry import systems
from ingestion.sources.gbfs.tables import GBFS_FETCH, SYSTEM_REGISTRATION
from ingestion.sources.weather.places import Place, place_of
from ingestion.sources.weather.requests import (
    Request,
    Row,
    WeatherOptions,
    days_due,
    last_answers,
    row_of,
)
from ingestion.sources.weather.tables import WEATHER_HOURLY
from ingestion.tally import Counts
from ingestion.waiting import kept_up, waited
from mobilake.console import say
from mobilake.errors import MobilakeError
from mobilake.secrets import named_secret

log = logging.getLogger(__name__)

NAME = "weather"
LOOK_S = 60.0
PAUSE_S = 60.0


def pull(context: Context) -> list[Any]:
    """Ask for the weather of every registered system whose hour has come."""
    options = context.options(NAME, WeatherOptions)
    if not options.url:
        say("weather: not asked for, no url is set under [source.weather] in mobilake.toml")
        return []
    rows = anyio.run(_asked, context, options, due(context, options))
    if not rows:
        return []

    import dlt  # here, because it takes two seconds

    @dlt.resource(name=WEATHER_HOURLY.name)
    def hours() -> Iterator[Any]:
        yield rows_of(WEATHER_HOURLY, rows)

    return [hours]


def due(context: Context, options: WeatherOptions) -> list[Request]:
    """Return what to ask for now: nothing of a system whose place is not known."""
    answers = last_answers(context.lake)
    requests = []
    for system_id in systems(context.lake):
        last = answers.get(system_id)
        days = days_due(context.lake, system_id, last, context.clock(), options)
        if not days:
            continue
        given = options.places.get(system_id)
        place = Place(*given) if given else place_of(context.lake, system_id)
        if place:
            requests.append(Request(system_id, place, *days))
        else:
            log.warning(
                "weather: it is not known where %s is: poll it, or give its latitude and "
                "longitude under [source.weather.places].",
                system_id,
            )
    return requests


async def poll(polling: Polling) -> None:
    """Ask for what is due, again and again, until told to stop."""
    options = polling.context.options(NAME, WeatherOptions)
    if options.url:
        await kept_up("weather", lambda: _kept(polling, options), polling.stop, PAUSE_S)


async def _kept(polling: Polling, options: WeatherOptions) -> None:
    tried: dict[str, float] = {}
    goes_on = True
    while goes_on:
        now = anyio.current_time()
        requests = [
            request
            for request in await anyio.to_thread.run_sync(due, polling.context, options)
            if now - tried.get(request.system_id, -options.interval_s) >= options.interval_s
        ]
        if polling.landing.has_room:
            tried |= {request.system_id: now for request in requests}
            for row in await _asked(polling.context, options, requests):
                polling.landing.add(WEATHER_HOURLY, row)
                polling.tally.add(Counts(1, row["error"] is not None, False, _size(row)))
        goes_on = await waited(polling.stop, LOOK_S)


async def _asked(context: Context, options: WeatherOptions, requests: list[Request]) -> list[Row]:
    credential = _credential(context, options)
    rows = []
    async with Client(context.settings.http, context.clock) as client:
        for request in requests:  # one service answers for all: one after the other
            attempt = await client.get(request.url(options.url), credential=credential)
            if attempt.error:
                log.warning("weather: %s was not told (%s)", request.system_id, attempt.error)
            rows.append(row_of(request, attempt, credential))
    return rows


def _credential(context: Context, options: WeatherOptions) -> Credential | None:
    if not options.auth and not options.secret:
        return None
    if not options.auth or not options.secret:
        raise MobilakeError("[source.weather] auth and secret belong together: give both, or none.")
    return Credential(
        options.auth, named_secret(context.settings.home, options.secret), options.url
    )


def _size(row: Row) -> int:
    size = row.get("body_bytes")
    return size if isinstance(size, int) else 0


SOURCE = Source(
    name=NAME,
    tables=(WEATHER_HOURLY, GBFS_FETCH, SYSTEM_REGISTRATION),
    pull=pull,
    poll=poll,
    options=WeatherOptions,
)
