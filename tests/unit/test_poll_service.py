"""The polling service, run in this process against a real server on loopback."""

import json
import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from ingestion import service
from ingestion.lake import Lake, rows_of
from ingestion.privacy import RESTRICTED
from ingestion.source import Context
from ingestion.sources.gbfs import SOURCE, watch
from ingestion.sources.gbfs.registry import System, register
from ingestion.sources.gbfs.tables import GBFS_FETCH
from mobilake.errors import MobilakeError, TransientError
from mobilake.locks import alone
from mobilake.settings import Http, Poll, Settings

COLUMNS = [
    "system_id", "feed", "requested_at", "fetched_at", "http_status", "etag", "sha256", "body",
    "error", "expected_interval_s", "origin", "fetch_id",
]  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def context(settings: Settings) -> Context:
    chosen = settings.model_copy(
        update={
            "http": Http(timeout_s=5, private_hosts=("127.0.0.1",)),
            "poll": Poll(flush_s=0.2, registrations_s=0.1),
        }
    )
    return Context(chosen, Lake(chosen.lake, now), now)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other after hundredths of a second, and polls end soon."""
    monkeypatch.setattr("ingestion.schedule.BACKOFF_S", 0.02)
    monkeypatch.setattr("ingestion.sources.gbfs.watch.LEAST_S", 0.01)
    monkeypatch.setattr("ingestion.service.GRACE_S", 1.5)


def with_(context: Context, **update: Any) -> Context:
    return Context(context.settings.model_copy(update=update), context.lake, context.clock)


def serve(
    context: Context, until: Callable[[], bool], every_s: float | None = 0.2
) -> service.Polled:
    """Run the service until something holds, and let it end."""

    async def main() -> service.Polled:
        stop = anyio.Event()

        async def end() -> None:
            with anyio.move_on_after(20):
                while not until():
                    await anyio.sleep(0.01)
            stop.set()

        async with anyio.create_task_group() as group:
            group.start_soon(end)
            return await service.serve(context, [SOURCE], every_s, stop)
        raise AssertionError

    return anyio.run(main)


def rows(context: Context) -> list[dict[str, Any]]:
    found = context.lake.read(GBFS_FETCH, COLUMNS).to_pylist()
    return sorted(found, key=lambda row: row["requested_at"])


def add(context: Context, web: Any, system_id: str, **bodies: object) -> None:
    """Serve a system with these feeds, and register it."""
    listed = [
        {"name": name, "url": web.put(f"/{system_id}/{name}", body, ETag=f'"{name}"')}
        for name, body in bodies.items()
    ]
    url = web.put(f"/{system_id}/gbfs.json", {"ttl": 0, "data": {"en": {"feeds": listed}}})
    register(context.lake, System(system_id, url, "UTC"), now())


def asked(web: Any, path: str, times: int) -> Callable[[], bool]:
    return lambda: web.asked.count(path) >= times


DOCUMENT = {"last_updated": 1, "ttl": 0, "data": {"stations": []}}


def test_real_time_feeds_are_asked_at_their_pace_and_the_others_at_theirs(
    context: Context, web: Any
) -> None:
    add(context, web, "sys", station_status=DOCUMENT, station_information=DOCUMENT)
    polled = serve(context, asked(web, "/sys/station_status", 6))
    found = rows(context)
    assert polled.counts.polls == len(found) == len(web.asked)
    assert str(polled).startswith(f"Stopped: {len(found)} polls, 0 errors")
    counted = Counter(row["feed"] for row in found)
    assert counted["gbfs"] == counted["station_information"] == 1
    status = [row["requested_at"] for row in found if row["feed"] == "station_status"]
    assert len(status) <= (status[-1] - status[0]).total_seconds() / 0.2 + 2
    assert {row["feed"]: row["expected_interval_s"] for row in found} == {
        "gbfs": 3600, "station_information": 3600, "station_status": 1,
    }  # fmt: skip
    assert {row["origin"] for row in found} == {"poll"}
    assert len({row["fetch_id"] for row in found}) == len(found)


def test_a_document_that_lasts_is_asked_less_often(context: Context, web: Any) -> None:
    add(context, web, "sys", station_status=DOCUMENT | {"ttl": 300}, system_alerts=DOCUMENT)
    known = System("sys", web.address + "/sys/gbfs.json", "UTC", 1)
    register(context.lake, known, now() + timedelta(seconds=1))
    serve(context, asked(web, "/sys/system_alerts", 3), every_s=None)
    assert web.asked.count("/sys/station_status") == 1
    paces = {row["feed"]: row["expected_interval_s"] for row in rows(context)}
    assert (paces["station_status"], paces["system_alerts"]) == (300, 1)


def answer_304(web: Any, path: str, body: bytes, etag: str = '"x"') -> list[str | None]:
    """Answer a path with 304 to who knows the ETag; return what clients said they know."""
    heard: list[str | None] = []

    def answer(request: Any) -> None:
        heard.append(request.headers["If-None-Match"])
        known = heard[-1] == etag
        request.send_response(304 if known else 200)
        request.send_header("ETag", etag)
        if not known:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(b"" if known else body)

    web.pages[path] = answer
    return heard


def test_not_modified_is_a_row_that_names_the_body_it_stands_for(
    context: Context, web: Any
) -> None:
    add(context, web, "sys", station_status=DOCUMENT)
    heard = answer_304(web, "/sys/station_status", json.dumps(DOCUMENT).encode())
    polled = serve(context, lambda: len(heard) >= 4)
    assert heard[:3] == [None, '"x"', '"x"']
    first, *others = [row for row in rows(context) if row["feed"] == "station_status"]
    assert (first["http_status"], first["error"]) == (200, None)
    assert len(others) >= 3
    for row in others:
        assert (row["http_status"], row["body"], row["error"]) == (304, None, None)
        assert (row["sha256"], row["etag"]) == (first["sha256"], '"x"')
    assert polled.counts.not_modified == len(others)


def test_each_day_begins_with_a_whole_body(context: Context, web: Any, clock: Any) -> None:
    at = Context(context.settings, context.lake, clock)
    add(context, web, "sys", station_status=DOCUMENT)
    heard = answer_304(web, "/sys/station_status", json.dumps(DOCUMENT).encode())

    def until() -> bool:
        if len(heard) == 2:
            clock.put_on(days=1)
            heard.append("midnight")
        return len(heard) >= 6

    serve(at, until)
    assert heard[:2] == [None, '"x"']
    assert None in heard[3:5]


@pytest.mark.parametrize("broken", [b"", b"<html>", b"[1]", b"\xe9"])
def test_a_broken_body_is_not_taken_for_what_has_not_changed(
    context: Context, web: Any, broken: bytes
) -> None:
    add(context, web, "sys", station_status=DOCUMENT)
    heard = answer_304(web, "/sys/station_status", broken)
    serve(context, lambda: len(heard) >= 3)
    assert set(heard) == {None}


def failing(web: Any, path: str, *statuses: int, **headers: str) -> None:
    """Answer with one status after the other, the last one for ever."""
    left = list(statuses)

    def answer(request: Any) -> None:
        request.send_response(left.pop(0) if len(left) > 1 else left[0])
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "2")
        request.end_headers()
        request.wfile.write(b"{}")

    web.pages[path] = answer


def test_an_error_that_may_pass_is_tried_again_and_each_attempt_is_a_row(
    context: Context, web: Any
) -> None:
    add(context, web, "sys", station_status=DOCUMENT)
    failing(web, "/sys/station_status", 503, 429, 200)
    serve(context, asked(web, "/sys/station_status", 3), every_s=2)
    status = [row for row in rows(context) if row["feed"] == "station_status"]
    assert [row["error"] for row in status] == ["http_503", "http_429", None]
    assert (status[2]["fetched_at"] - status[0]["fetched_at"]).total_seconds() < 1


def test_attempts_are_numbered_and_never_reach_into_the_next_poll(
    context: Context, web: Any
) -> None:
    add(context, web, "sys", station_status=DOCUMENT, system_alerts=DOCUMENT)
    failing(web, "/sys/station_status", 500)
    failing(web, "/sys/system_alerts", 503, Retry_After="30")
    serve(context, asked(web, "/sys/system_alerts", 4), every_s=0.5)
    found = rows(context)
    took = (found[-1]["requested_at"] - found[0]["requested_at"]).total_seconds()
    counted = Counter(row["feed"] for row in found)
    polls = took / 0.5 + 2
    assert counted["system_alerts"] <= polls, "it asked to be left alone until the next poll"
    assert counted["station_status"] > counted["system_alerts"]
    assert counted["station_status"] <= polls * context.settings.poll.attempts


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_an_error_that_stays_is_not_tried_before_the_next_poll(
    context: Context, web: Any, status: int
) -> None:
    add(context, web, "sys", station_status=DOCUMENT, system_alerts=DOCUMENT)
    failing(web, "/sys/station_status", status)
    serve(context, asked(web, "/sys/system_alerts", 4))
    assert abs(web.asked.count("/sys/station_status") - web.asked.count("/sys/system_alerts")) <= 1


def test_systems_that_hang_or_talk_nonsense_keep_nobody_waiting(context: Context, web: Any) -> None:
    """Six hang on every request, two answer garbage, one is nowhere; four must keep their pace."""
    for number in range(4):
        add(context, web, f"good_{number}", station_status=DOCUMENT, vehicle_status=DOCUMENT)
    for number in range(3):
        web.hang(f"/hang_{number}/gbfs.json")
        url = f"{web.address}/hang_{number}/gbfs.json"
        register(context.lake, System(f"hang_{number}", url, "UTC"), now())
        add(context, web, f"half_{number}", station_status=DOCUMENT, vehicle_status=DOCUMENT)
        for feed in ("station_status", "vehicle_status"):
            web.hang(f"/half_{number}/{feed}")
    for number, garbage in enumerate((b"\x00\xff" * 999, b'{"data": {"feeds": 5}}')):
        add(context, web, f"odd_{number}")
        web.put(f"/odd_{number}/gbfs.json", garbage)
    register(context.lake, System("lost", "http://nobody.invalid/", "UTC"), now())
    limited = with_(context, http=context.settings.http.model_copy(update={"concurrency": 1}))
    serve(limited, asked(web, "/good_0/station_status", 8), every_s=0.25)
    found = rows(context)
    for number in range(4):
        for feed in ("station_status", "vehicle_status"):
            moments = [
                row["requested_at"]
                for row in found
                if (row["system_id"], row["feed"]) == (f"good_{number}", feed)
            ]
            gaps = [(after - before).total_seconds() for before, after in pairwise(moments)]
            assert len(moments) >= 6
            assert max(gaps) < 2, "a request that hangs takes five seconds"
    assert {row["system_id"] for row in found} >= {"odd_0", "odd_1", "lost"}


def test_a_defect_of_ours_in_one_system_does_not_end_the_others(
    context: Context, web: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = watch.rows_of_attempt

    def defective(system: System, *arguments: Any) -> Any:
        if system.system_id == "bad":
            raise KeyError("a defect")
        return made(system, *arguments)

    monkeypatch.setattr(watch, "rows_of_attempt", defective)
    add(context, web, "bad", station_status=DOCUMENT)
    add(context, web, "good", station_status=DOCUMENT)
    serve(context, asked(web, "/good/station_status", 3))
    assert {row["system_id"] for row in rows(context)} == {"good"}
    assert any("polling bad failed" in record.message for record in caplog.records)


def test_a_system_added_meanwhile_is_polled_without_a_restart(context: Context, web: Any) -> None:
    add(context, web, "one", station_status=DOCUMENT)

    def until() -> bool:
        if asked(web, "/one/station_status", 2)() and "/two/gbfs.json" not in web.pages:
            add(context, web, "two", station_status=DOCUMENT)
        return asked(web, "/two/station_status", 2)()

    serve(context, until)
    assert {row["system_id"] for row in rows(context)} == {"one", "two"}


def test_a_system_that_is_changed_is_polled_as_it_is_now(context: Context, web: Any) -> None:
    add(context, web, "old", station_status=DOCUMENT)
    add(context, web, "new", station_status=DOCUMENT)
    moved: list[int] = []

    def until() -> bool:
        if not moved and asked(web, "/old/station_status", 2)():
            address = f"{web.address}/new/gbfs.json"
            register(context.lake, System("old", address, "UTC"), now())
            moved.append(len(web.asked))
        return bool(moved) and asked(web, "/new/gbfs.json", 2)()

    serve(context, until)
    assert web.asked[moved[0] :].count("/old/station_status") <= 2


def test_feeds_follow_the_index(context: Context, web: Any) -> None:
    quick = with_(context, source={"gbfs": {"static_interval_s": 1}})
    add(context, web, "sys", station_status=DOCUMENT, system_alerts=DOCUMENT)
    moved = web.put("/moved", DOCUMENT)
    new = web.put("/new", DOCUMENT)

    def until() -> bool:
        if web.asked.count("/sys/system_alerts") == 2:
            listed = [
                {"name": "station_status", "url": moved},
                {"name": "vehicle_status", "url": new},
            ]
            web.put("/sys/gbfs.json", {"data": {"feeds": listed}})
        return asked(web, "/new", 3)() and asked(web, "/moved", 3)()

    serve(quick, until)
    after = web.asked.index("/new")
    assert web.asked[after:].count("/sys/system_alerts") <= 1
    assert web.asked[after:].count("/sys/station_status") <= 1


def test_an_index_cannot_send_us_round_in_circles(context: Context, web: Any) -> None:
    own = f"{web.address}/sys/gbfs.json"
    other = web.put("/other", DOCUMENT)
    listed = [
        {"name": "gbfs", "url": own},
        {"name": "system_alerts", "url": own},
        *({"name": "station_status", "url": other} for _ in range(500)),
        *({"name": "vehicle_status", "url": other} for _ in range(500)),
        *({"name": f"feed_{number}", "url": f"{other}{number}"} for number in range(1000)),
    ]
    web.put("/sys/gbfs.json", {"data": {"feeds": listed}})
    register(context.lake, System("sys", own, "UTC"), now())
    serve(context, asked(web, "/other", 2))
    assert set(web.asked) == {"/sys/gbfs.json", "/other"}
    assert web.asked.count("/sys/gbfs.json") == 1
    assert web.asked.count("/other") <= 4


def test_what_cannot_be_parsed_of_a_vehicle_feed_is_sealed(context: Context, web: Any) -> None:
    add(context, web, "sys", free_bike_status=b"<p>bike-1", station_status=DOCUMENT)
    serve(context, asked(web, "/sys/station_status", 2))
    bikes = [row for row in rows(context) if row["feed"] == "free_bike_status"]
    assert {(row["error"], row["body"]) for row in bikes} == {("restricted", None)}
    sealed = context.lake.read(RESTRICTED, ["reference_id"]).to_pylist()
    assert {row["reference_id"] for row in sealed} == {row["fetch_id"] for row in bikes}


def test_what_was_sealed_expires(context: Context, web: Any, clock: Any) -> None:
    row = {"reference_id": "old", "origin": "poll", "sealed": "x"}
    Lake(context.lake.root, clock).append(RESTRICTED, rows_of(RESTRICTED, [row]))
    add(context, web, "sys", free_bike_status=b"<p>bike-1")
    serve(context, asked(web, "/sys/free_bike_status", 2))
    left = context.lake.read(RESTRICTED, ["reference_id"]).to_pylist()
    assert left
    assert "old" not in {row["reference_id"] for row in left}


def test_a_large_body_is_taken_apart_beside_the_others(context: Context, web: Any) -> None:
    bikes = [{"bike_id": f"b{number}", "lat": 1.0} for number in range(20_000)]
    add(context, web, "sys", free_bike_status={"ttl": 7, "data": {"bikes": bikes}})
    serve(context, asked(web, "/sys/free_bike_status", 1))
    landed = [row for row in rows(context) if row["feed"] == "free_bike_status"]
    assert landed
    assert "b19999" not in landed[0]["body"]
    assert len(json.loads(landed[0]["body"])["data"]["bikes"]) == 20_000


def test_while_the_lake_is_full_no_poll_is_made(
    context: Context, web: Any, caplog: pytest.LogCaptureFixture
) -> None:
    small = with_(context, poll=Poll(flush_s=0.1, registrations_s=60, waiting_mb=1 / 1024))
    add(context, web, "sys", station_status=DOCUMENT)
    folder = Path(context.lake.uri(GBFS_FETCH))
    moments: list[int] = []

    def until() -> bool:
        if not moments and asked(web, "/sys/station_status", 2)():
            folder.rename(folder.with_name("aside"))
            moments.append(len(web.asked))
        if len(moments) == 1 and any("No polls are made" in one for one in caplog.messages):
            moments.append(len(web.asked))
            moments.append(now().timestamp())  # type: ignore[arg-type]
        if len(moments) == 3 and now().timestamp() > moments[2] + 0.7:
            moments.append(len(web.asked))
            folder.with_name("aside").rename(folder)
        return len(moments) == 4 and len(web.asked) > moments[3] + 1

    caplog.set_level(logging.INFO)
    polled = serve(small, until)
    assert moments[3] - moments[1] <= 1, "polls were made though nothing could land"
    assert polled.counts.polls == len(rows(context)) == len(web.asked)


def test_at_the_end_requests_under_way_may_end_and_those_that_hang_are_cut_off(
    context: Context, web: Any
) -> None:
    add(context, web, "slow", station_status=DOCUMENT)
    add(context, web, "hangs", station_status=DOCUMENT)
    web.hang("/hangs/station_status")
    slow = web.pages["/slow/station_status"]

    def answer(request: Any) -> None:
        web.closing.wait(0.3)
        slow(request)

    web.pages["/slow/station_status"] = answer
    both = {"/slow/station_status", "/hangs/station_status"}
    serve(context, lambda: both <= set(web.asked), every_s=1)
    found = {(row["system_id"], row["feed"]): row["error"] for row in rows(context)}
    assert found["slow", "station_status"] is None
    assert ("hangs", "station_status") not in found


def test_a_heartbeat_tells_how_the_last_minute_went(context: Context, web: Any) -> None:
    add(context, web, "sys", station_status=DOCUMENT)
    failing(web, "/sys/station_status", 404)
    file = context.settings.home / "heartbeats" / "poll.json"
    early: list[Any] = []

    def until() -> bool:
        if not early and file.exists():
            early.append(json.loads(file.read_text()))
        return asked(web, "/sys/station_status", 3)()

    polled = serve(context, until)
    assert early[0]["polls"] == 0
    beat = json.loads(file.read_text())
    assert beat["systems"] == 1
    assert (beat["polls"], beat["errors"]) == (polled.counts.polls, polled.counts.errors)
    assert (beat["waiting_rows"], beat["trouble"]) == (0, None)
    assert now() - datetime.fromisoformat(beat["time"]) < timedelta(seconds=10)
    assert [one.name for one in file.parent.iterdir()] == ["poll.json"]


def test_a_line_a_minute_tells_how_it_goes(
    context: Context, web: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ingestion.service.REPORT_S", 0.1)
    caplog.set_level(logging.INFO, "ingestion")
    add(context, web, "sys", station_status=DOCUMENT)
    serve(context, lambda: any("1 systems: 3 polls, 0 errors" in one for one in caplog.messages))
    lines = [one for one in caplog.messages if one.startswith("1 systems: ")]
    assert lines
    assert lines[-1].endswith("MB")


def test_nobody_registered_is_waited_for(
    context: Context, web: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def until() -> bool:
        if any("No system is registered yet" in one for one in caplog.messages):
            add(context, web, "sys", station_status=DOCUMENT)
            caplog.clear()
        return asked(web, "/sys/station_status", 1)()

    serve(context, until)
    assert rows(context)


def test_one_service_per_home(context: Context) -> None:
    with (
        alone(context.settings.home / "locks" / "poll.lock", "poll"),
        pytest.raises(TransientError, match=r"Another process is at it already \(poll"),
    ):
        service.run(context, [SOURCE])


def test_without_a_source_to_poll_there_is_a_sentence(context: Context) -> None:
    with pytest.raises(MobilakeError, match="No source can be polled"):
        service.run(context, [])
