"""The server speaks HTTP as real feeds do, validators, token and faults included."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from simulator import City, Fault, FaultKind, SimulatedClock, serving
from simulator.feeds import Feeds
from simulator.gbfs import DIALECTS
from simulator.moments import to_seconds

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
STATUS = "/gbfs/2.3/en/station_status.json"


@dataclass
class SetClock:
    """A clock that stands where it is put."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
def client(city: City, clock: SetClock) -> Iterator[httpx.Client]:
    with serving(city, clock) as url, httpx.Client(base_url=url) as client:
        yield client


def fault_of(kind: FaultKind) -> Fault:
    return Fault("f", kind, "R0", "station_status", NOON, NOON + timedelta(minutes=10))


def test_discovery_leads_to_every_feed(client: httpx.Client) -> None:
    document = client.get("/gbfs.json").raise_for_status().json()
    feeds = {feed["name"]: feed["url"] for feed in document["data"]["en"]["feeds"]}
    assert set(feeds) == set(DIALECTS["2.3"].feeds)
    assert client.get("/2.3/gbfs.json").json() == document
    for url in feeds.values():
        assert url.startswith(str(client.base_url))
        assert client.get(url).raise_for_status().json()["last_updated"] == to_seconds(NOON)


def test_all_versions_are_served_at_once_and_lead_to_each_other(client: httpx.Client) -> None:
    listed = client.get("/gbfs/2.3/en/gbfs_versions.json").json()["data"]["versions"]
    assert [one["version"] for one in listed] == list(DIALECTS)
    for one in listed:
        index = client.get(one["url"]).raise_for_status().json()
        feeds = (index["data"] if one["version"] == "3.0" else index["data"]["en"])["feeds"]
        assert len(feeds) == len(DIALECTS[one["version"]].feeds)
        for feed in feeds:
            document = client.get(feed["url"]).raise_for_status().json()
            assert document["version"] == one["version"]


def test_the_body_is_the_one_that_history_records(client: httpx.Client, city: City) -> None:
    answer = Feeds(city).answer("station_status", to_seconds(NOON))
    assert answer is not None
    assert client.get(STATUS).text == answer.body


def test_a_client_that_has_the_body_gets_304(client: httpx.Client, clock: SetClock) -> None:
    first = client.get(STATUS)
    assert first.headers["Cache-Control"] == "max-age=60"
    assert parsedate_to_datetime(first.headers["Last-Modified"]) == NOON
    clock.moment = NOON + timedelta(seconds=59)
    again = client.get(STATUS, headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["ETag"] == first.headers["ETag"]
    clock.moment = NOON + timedelta(seconds=60)
    fresh = client.get(STATUS, headers={"If-None-Match": first.headers["ETag"]})
    assert fresh.status_code == 200
    assert fresh.headers["ETag"] != first.headers["ETag"]


def test_a_client_that_has_the_date_gets_304(client: httpx.Client, clock: SetClock) -> None:
    date = client.get(STATUS).headers["Last-Modified"]
    assert client.get(STATUS, headers={"If-Modified-Since": date}).status_code == 304
    assert client.get(STATUS, headers={"If-Modified-Since": "lately"}).status_code == 200
    clock.moment = NOON + timedelta(seconds=60)
    assert client.get(STATUS, headers={"If-Modified-Since": date}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/2.2/gbfs.json", "/gbfs/2.3/en/vehicle_status.json", "/gbfs/3.0/en/x", "/gbfs/9/x.json"],
)
def test_what_is_not_there_is_404(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_token_is_asked_for(city: City, clock: SetClock) -> None:
    with serving(city, clock, token="open sesame") as url:
        assert httpx.get(f"{url}/gbfs.json").status_code == 401
        wrong = httpx.get(f"{url}{STATUS}", headers={"X-API-Key": "sesame"})
        right = httpx.get(f"{url}{STATUS}", headers={"X-API-Key": "open sesame"})
        bearer = httpx.get(f"{url}{STATUS}", headers={"Authorization": "Bearer open sesame"})
        basic = httpx.get(f"{url}{STATUS}", auth=("open", "sesame"))
    assert (wrong.status_code, basic.status_code) == (401, 401)
    assert (right.status_code, bearer.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("kind", "status"),
    [(FaultKind.HTTP_500, 500), (FaultKind.HTTP_404, 404), (FaultKind.HTML_BODY, 200)],
)
def test_faults_reach_the_client(city: City, clock: SetClock, kind: FaultKind, status: int) -> None:
    with serving(city, clock, faults=[fault_of(kind)]) as url:
        during = httpx.get(f"{url}{STATUS}")
        clock.moment = NOON + timedelta(minutes=10)
        after = httpx.get(f"{url}{STATUS}")
    assert during.status_code == status
    assert ("text/html" in during.headers["Content-Type"]) == (kind is FaultKind.HTML_BODY)
    assert after.status_code == 200
    assert after.json()["last_updated"] == to_seconds(clock.moment)


def test_a_timeout_keeps_one_client_waiting_and_no_other(city: City, clock: SetClock) -> None:
    with serving(city, clock, faults=[fault_of(FaultKind.TIMEOUT)]) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}{STATUS}", timeout=0.2)
        assert httpx.get(f"{url}/gbfs.json", timeout=10).status_code == 200


def test_a_timeout_ends(city: City, clock: SetClock) -> None:
    with serving(city, clock, faults=[fault_of(FaultKind.TIMEOUT)], never_s=0.05) as url:
        assert httpx.get(f"{url}{STATUS}").status_code == 200


def test_in_a_gap_the_server_hangs_up(city: City, clock: SetClock) -> None:
    with serving(city, clock, faults=[fault_of(FaultKind.GAP)]) as url, httpx.Client() as client:
        for path in ("/gbfs.json", STATUS, "/3.0/gbfs.json"):
            with pytest.raises(httpx.TransportError):
                client.get(f"{url}{path}")
        clock.moment = NOON + timedelta(minutes=10)
        assert client.get(f"{url}{STATUS}").status_code == 200
        clock.moment = NOON
        with pytest.raises(httpx.TransportError):
            client.get(f"{url}{STATUS}")


def test_the_server_stops(city: City, clock: SetClock) -> None:
    with serving(city, clock) as url:
        httpx.get(f"{url}/gbfs.json").raise_for_status()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/gbfs.json")


def test_the_clock_runs_at_its_speed_up_to_its_cap() -> None:
    real_s = iter([100.0, 101.0, 161.0])
    clock = SimulatedClock(
        NOON, speed=60.0, cap=lambda: NOON + timedelta(hours=1), elapsed_s=lambda: next(real_s)
    )
    assert clock.now() == NOON + timedelta(minutes=1)
    assert clock.now() == NOON + timedelta(hours=1)
