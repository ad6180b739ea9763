"""Weather: which hours are asked for, where a system is, and what lands of an answer."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import anyio
import pytest

from ingestion.lake import rows_of
from ingestion.source import Context
from ingestion.sources.gbfs.registry import System, register
from ingestion.sources.gbfs.tables import GBFS_FETCH
from ingestion.sources.weather.places import Place, middle, place_of
from ingestion.sources.weather.requests import Request, WeatherOptions, days_due, last_answers
from ingestion.sources.weather.source import _asked, due, pull
from ingestion.sources.weather.tables import WEATHER_HOURLY
from mobilake.errors import MobilakeError

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
STATIONS = {
    "data": {
        "stations": [
            {"station_id": "a", "lat": 59.91, "lon": 10.73},
            {"station_id": "b", "lat": 59.93, "lon": 10.75},
            {"station_id": "c", "lat": 59.95, "lon": 10.77},
            {"station_id": "lost", "lat": 0, "lon": 0},
            {"station_id": "beyond", "lat": 591, "lon": 10},
            {"station_id": "words", "lat": "north", "lon": None},
            "no station",
        ]
    }
}


def with_url(context: Context, url: str, **options: object) -> Context:
    chosen = {"weather": {"url": url, **options}}
    http = context.settings.http.model_copy(update={"private_hosts": ("127.0.0.1",)})
    settings = context.settings.model_copy(update={"source": chosen, "http": http})
    return Context(settings, context.lake, context.clock)


def fetched(context: Context, feed: str, body: object, at: datetime, error: str | None = None):
    text = json.dumps(body)
    row = {
        "fetch_id": f"{at:%Y%m%dT%H%M%S}-{feed}",
        "system_id": "oslo",
        "feed": feed,
        "fetched_at": at,
        "body": text,
        "body_bytes": len(text),
        "error": error,
        "origin": "test",
    }
    context.lake.append(GBFS_FETCH, rows_of(GBFS_FETCH, [row]))


def registered(context: Context) -> None:
    register(context.lake, System("oslo", None, "Europe/Oslo"), NOW)


def test_the_place_of_a_system_is_the_median_of_its_stations_wherever_some_are_said_to_be():
    assert middle(json.dumps(STATIONS), "stations") == Place(59.93, 10.75)


@pytest.mark.parametrize("body", ["<html>", "[]", '{"data": {"stations": 3}}', '{"data": null}'])
def test_a_document_without_places_tells_none(body):
    assert middle(body, "stations") is None


def test_the_last_good_document_tells_the_place_and_vehicles_where_there_are_no_stations(context):
    assert place_of(context.lake, "oslo") is None
    vehicles = {"data": {"bikes": [{"lat": 60.1, "lon": 10.1}]}}
    fetched(context, "free_bike_status", vehicles, NOW)
    assert place_of(context.lake, "oslo") == Place(60.1, 10.1)
    fetched(context, "station_information", STATIONS, NOW)
    fetched(context, "station_information", {"data": 1}, NOW + timedelta(hours=1), "not_utf8")
    assert place_of(context.lake, "oslo") == Place(59.93, 10.75)


def test_the_first_request_reaches_to_the_first_poll_and_later_ones_overlap(context):
    options = WeatherOptions(url="x")
    fetched(context, "station_status", {}, NOW - timedelta(days=10))
    assert days_due(context.lake, "oslo", None, NOW, options) == (
        date(2025, 12, 25),
        date(2026, 1, 7),
    )
    last = NOW - timedelta(hours=2)
    assert days_due(context.lake, "oslo", last, NOW, options) == (
        date(2026, 1, 3),
        date(2026, 1, 7),
    )
    fetched(context, "station_status", {}, NOW - timedelta(days=400))
    begin, _ = days_due(context.lake, "oslo", None, NOW, options) or (None, None)
    assert begin == date(2026, 1, 5) - timedelta(days=options.history_days)


def test_nothing_is_asked_within_the_interval(context):
    options = WeatherOptions(url="x", interval_s=3600)
    assert days_due(context.lake, "oslo", NOW - timedelta(minutes=59), NOW, options) is None
    assert days_due(context.lake, "oslo", NOW - timedelta(minutes=60), NOW, options)


def test_a_request_asks_for_utc_and_keeps_what_the_address_had():
    request = Request("oslo", Place(59.93, 10.75), date(2026, 1, 3), date(2026, 1, 7))
    assert request.url("https://w.example/v1/forecast?models=x") == (
        "https://w.example/v1/forecast?models=x&latitude=59.93&longitude=10.75"
        "&hourly=temperature_2m,precipitation,wind_speed_10m,relative_humidity_2m"
        "&start_date=2026-01-03&end_date=2026-01-07&timezone=UTC"
    )


def test_without_an_address_the_pass_says_so_and_gives_nothing(context, capsys):
    assert pull(context) == []
    assert "no url is set under [source.weather]" in capsys.readouterr().out


def test_a_system_whose_place_is_unknown_is_named_and_not_asked_for(context, caplog):
    registered(context)
    options = WeatherOptions(url="x")
    assert due(context, options) == []
    assert "where oslo is" in caplog.text
    given = WeatherOptions(url="x", places={"oslo": (59.9, 10.7)})
    assert [request.place for request in due(context, given)] == [Place(59.9, 10.7)]


def test_each_attempt_lands_whatever_became_of_it_and_a_failed_one_is_asked_again(context, web):
    registered(context)
    options = WeatherOptions(url=f"{web.address}/v1/forecast", places={"oslo": (59.9, 10.7)})
    open_to_web = with_url(context, options.url)
    rows = anyio.run(_asked, open_to_web, options, due(context, options))
    assert [(row["http_status"], row["error"]) for row in rows] == [(404, "http_404")]
    context.lake.append(WEATHER_HOURLY, rows_of(WEATHER_HOURLY, rows))
    assert last_answers(context.lake) == {}
    [request] = due(context, options)
    web.put(request.url("").replace("?", "/v1/forecast?"), {"hourly": {"time": []}})
    [row] = anyio.run(_asked, open_to_web, options, [request])
    assert row["error"] is None
    assert json.loads(str(row["body"])) == {"hourly": {"time": []}}
    assert "59.9" not in str(row["url"])  # values of a query may be secrets: none is kept
    context.lake.append(WEATHER_HOURLY, rows_of(WEATHER_HOURLY, [row]))
    assert list(last_answers(context.lake)) == ["oslo"]
    assert due(context, options) == []


def test_half_an_authentication_is_refused(context):
    registered(context)
    half = with_url(context, "http://127.0.0.1:9/x", auth="query:apikey", places={"oslo": [1, 2]})
    with pytest.raises(MobilakeError, match="belong together"):
        pull(half)
