"""Personal values are planted in every input; no file that is written afterwards holds one."""

from __future__ import annotations

import functools
import gzip
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

MARK = "PLANTED"
VISIBLE = "Visible Square"
BORN = "1937"
T1 = (
    "tripduration,starttime,stoptime,start station id,start station name,start station latitude,"
    "start station longitude,end station id,end station name,end station latitude,"
    "end station longitude,bikeid,usertype,birth year,gender"
)
RIDE = (
    f"600,2026-01-0{{day}} 10:00:00,2026-01-0{{day}} 10:10:00,1,{VISIBLE},40.7,-73.9,2,B,40.8,"
    f"-73.8,{MARK}-bike-{{day}},Subscriber,{BORN},{MARK}-gender"
)
T1C = T1.replace("birth year,gender", "postal code")
T2 = (
    "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,"
    "end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
)
RIDE2 = "R{0},classic_bike,2026-01-0{0} 11:00:00,2026-01-0{0} 11:09:00,A,1,B,2,1,2,3,4,member"
T4B = (
    "Duration,Start date,End date,Start station number,Start station name,End station number,"
    "End station name,Bike number,Member type,Zip code,Gender"
)


def vehicle(number: int) -> dict[str, object]:
    return {
        "bike_id": f"{MARK}-{number}", "vehicle_id": f"{MARK}-{number}", "lat": 40.7, "lon": -73.9,
        "is_reserved": False, "is_disabled": False, "name": f"{MARK} Ann", "user_id": f"{MARK}-u",
        "rental_uris": {"web": f"https://x/{MARK}"},
        "rider": {"email": f"{MARK}@example.org", "birth_year": BORN, "zip_code": f"{MARK}-97531"},
    }  # fmt: skip


def document(data: object) -> dict[str, object]:
    return {"last_updated": int(datetime.now(UTC).timestamp()), "ttl": 0, "version": "2.3",
            "data": data}  # fmt: skip


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def write_feeds(folder: Path, address: str) -> None:
    station = {"station_id": "s", "name": VISIBLE, "lat": 40.7, "lon": -73.9, "capacity": 9}
    status = {"station_id": "s", "num_bikes_available": 0, "num_docks_available": 9,
              "is_installed": True, "is_renting": True, "is_returning": True,
              "last_reported": int(datetime.now(UTC).timestamp())}  # fmt: skip
    feeds = {
        "system_information": {"system_id": "town", "name": "Town", "language": "en",
                               "timezone": "UTC"},
        "station_information": {"stations": [station]},
        "station_status": {"stations": [status]},
        "free_bike_status": {"bikes": [vehicle(1), vehicle(2)]},
    }  # fmt: skip
    for name, data in feeds.items():
        (folder / f"{name}.json").write_text(json.dumps(document(data)))
    broken = json.dumps(document({"vehicles": [vehicle(3)]}))[:-5]
    (folder / "vehicle_status.json").write_text(broken)
    listed = [
        {"name": name, "url": f"{address}/{name}.json"} for name in (*feeds, "vehicle_status")
    ]
    (folder / "gbfs.json").write_text(json.dumps(document({"en": {"feeds": listed}})))


def write_trips(folder: Path) -> None:
    folder.mkdir()
    dirty = [
        f"600,{MARK}-cut", RIDE.format(day=2) + f",{MARK}-surplus", '"' + RIDE.format(day=3),
        RIDE.format(day=4).replace("2026-01-04 10:00:00", "00:00.0").replace(BORN, f"{MARK}-year"),
    ]  # fmt: skip
    (folder / "t1.csv").write_text("\n".join([T1, RIDE.format(day=1), *dirty]))
    (folder / "t1c.csv").write_text(
        "\n".join([T1C, RIDE.format(day=5).rsplit(",", 2)[0] + f",{MARK}-97531"])
    )
    (folder / "t2.csv").write_text(
        "\n".join([T2 + ",rider email", RIDE2.format(1) + f",{MARK}@x.org", f"R9,{MARK}"])
    )
    (folder / "t2b.csv").write_text("\n".join([T2, RIDE2.format(2), RIDE2.format(3) + f",{MARK}"]))
    hubway = f"600000,1/6/2026 9:00,1/6/2026 9:10,1,A,2,B,{MARK}-7,Member,{MARK}-02116,Male"
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("hubway.csv", f"{T4B}\n{hubway}\n{hubway},{MARK}\n")
    with zipfile.ZipFile(folder / "2026.zip", "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    (folder / "t1_more.csv.gz").write_bytes(gzip.compress(f"{T1}\n{RIDE.format(day=6)}\n".encode()))
    (folder / "wide.csv").write_bytes(f"{T1}\r\n{RIDE.format(day=7)}\r\n".encode("utf-16"))
    (folder / "unknown.csv").write_text(f"rider,e-mail\n{MARK},{MARK}@x.org\n")


def write_events(file: Path) -> None:
    bike = f"{MARK}-bike-1"
    sent = {
        "event_id": f"{bike}/7", "device_kind": "vehicle", "device_id": bike,
        "event_type": "fault", "occurred_at": datetime.now(UTC).isoformat(),
        "user_id": f"{MARK}-u", "rider": {"email": f"{MARK}@example.org", "birth_year": BORN},
    }  # fmt: skip
    dock = {"event_id": "8", "device_kind": "dock", "device_id": "d", "vehicle_id": bike}
    dock = sent | dock
    whole = [sent, dock, sent | {"event_type": None}, dock | {"occurred_at": "soon"}]
    texts = [json.dumps(one) for one in whole]
    file.write_text("\n".join([*texts, texts[0][:-9], f'"{MARK}"', MARK]))


def write_recording(file: Path) -> None:
    at = datetime.now(UTC) - timedelta(hours=1)
    good = {"fetched_at": at.isoformat(), "body": json.dumps(document({"bikes": [vehicle(4)]}))}
    cut = {"fetched_at": at.isoformat(), "body": json.dumps(document({"bikes": [vehicle(5)]}))[:-9]}
    whole = json.dumps(good)
    file.write_text("\n".join([whole, json.dumps(cut), whole[:-30], f'"{MARK}"', f"{MARK}"]))


def holding(home: Path, text: str) -> set[str]:
    """Return the files below a home that hold a text: as bytes, or in a table of theirs."""
    found = set()
    for file in home.rglob("*"):
        if not file.is_file():
            continue
        name = str(file.relative_to(home))
        content = file.read_bytes()
        is_there = text.encode() in content
        if file.suffix == ".parquet":
            is_there |= text in str(pq.read_table(file, partitioning=None).to_pylist())
        if file.suffix == ".duckdb":
            is_there |= _is_in_database(file, text)
        if is_there:
            found.add(name)
    return found


def _is_in_database(file: Path, text: str) -> bool:
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall()
        for names in tables:
            table = ".".join(f'"{name}"' for name in names)
            query = f"select count(*) from {table} as it where contains(it::varchar, ?)"
            if connection.execute(query, [text]).fetchall()[0][0]:
                return True
    return False


@pytest.fixture(scope="module")
def planted(new_workspace, tmp_path_factory):
    """A home into which everything has come that is planted, built, proved; and what was said."""
    space, outside = new_workspace("planted"), tmp_path_factory.mktemp("outside")
    said = []
    with served(outside) as address:
        write_feeds(outside, address)
        said.append(space.run("systems", "add", f"{address}/gbfs.json"))
        said.append(space.run("ingest", "gbfs"))
    write_trips(outside / "trips")
    write_recording(outside / "free_bike_status.jsonl")
    words = ("--system", "town", "--timezone", "UTC")
    said.append(space.run("import", "gbfs", *words, str(outside / "free_bike_status.jsonl")))
    write_events(outside / "events.jsonl")
    said.append(space.run("import", "events", *words, str(outside / "events.jsonl")))
    places = json.dumps([{"system": "town", "url": str(outside / "trips"), "timezone": "UTC"}])
    said.append(space.run("ingest", "trips", MOBILAKE_SOURCE__TRIPS__URLS=places))
    said.append(space.run("import", "trips", *words, str(outside / "trips" / "t1.csv")))
    said.append(space.build())
    ((outage,),) = space.ask("select min(outage_id) from fct_station_outage")
    said.append(space.run("prove", str(outage)))
    return space, "\n".join(said)


def test_no_file_holds_what_was_planted(planted):
    space, said = planted
    assert holding(space.home, MARK) == set()
    assert MARK not in said
    seen = holding(space.home, VISIBLE)
    assert any(name.startswith("lake/raw/trip_row/") for name in seen)
    assert {"warehouse.duckdb", "gold.duckdb", "serving/marts.duckdb"} <= seen
    assert any(name.startswith("evidence/") for name in holding(space.home, "station_outage"))


def test_of_years_of_birth_only_the_decade_is_there(planted):
    space, _ = planted
    lake = f"delta_scan('{space.home}/lake/raw/trip_row')"
    decades = space.bronze(f"select distinct birth_year from {lake} order by 1")
    assert decades == [("1930",), (None,)]
    bikes = space.bronze(f"select count(distinct bike_id), max(length(bike_id)) from {lake}")
    assert bikes == [(6, 32)]


def test_what_cannot_be_read_is_accounted_for_and_sealed(planted):
    space, _ = planted
    lake = f"{space.home}/lake/raw"
    ((dead, readable),) = space.bronze(
        f"select count(*), count(payload) from delta_scan('{lake}/dead_letter')"
    )
    ((sealed,),) = space.bronze(f"select count(*) from delta_scan('{lake}/restricted')")
    assert dead == 15
    assert readable == 2  # events that are JSON objects
    assert sealed == dead - readable + 1  # the broken feed, polled once


def test_after_an_erasure_nothing_of_a_bike_is_left(planted):
    space, _ = planted
    ((one,),) = space.bronze(
        f"select bike_id from delta_scan('{space.home}/lake/raw/trip_row') "
        "where bike_id is not null and started_at like '2026-01-01%'"
    )
    assert len(holding(space.home, str(one))) >= 4
    before = space.ask("select count(*) from fct_trip")
    events = "select device_kind, device_id, vehicle_id from fct_device_event order by 1"
    assert space.ask(events) == [("dock", "d", one), ("vehicle", one, None)]
    said = space.run("erase", "--system", "town", f"{MARK}-bike-1")
    assert "generation 2" in said
    assert holding(space.home, str(one)) == set()
    assert space.ask("select count(*) from fct_trip") == before
    assert space.ask(events) == [("dock", "d", None)]
    assert [file.name for file in (space.home / "serving").glob("marts-*")] == [
        "marts-000002.duckdb"
    ]
    assert "None of them was found" in space.run("erase", "--system", "town", f"{MARK}-bike-1")
    assert MARK not in said
