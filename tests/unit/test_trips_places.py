"""Trip files from a folder, an object store and an SFTP server: each once, none stops another."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingestion import pipeline
from ingestion.lake import Lake, RawTable
from ingestion.source import Context
from ingestion.sources.trips import SOURCE
from ingestion.sources.trips.places import Place, listed
from ingestion.sources.trips.tables import TRIP_FILE, TRIP_LISTING, TRIP_ROW
from mobilake.errors import MobilakeError

T2 = (
    "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,"
    "end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
)
RIDE = "{},classic_bike,2026-05-01 10:00:00,2026-05-01 10:12:00,A St,1.01,B St,1.02,1,2,3,4,member"
ROOT = Path(__file__).parents[2]

Take = Callable[..., str]


@pytest.fixture
def take(context: Context, capsys: pytest.CaptureFixture[str]) -> Take:
    """Make a pass over places and return what it said."""
    root = {"root": ROOT}

    def once(*urls: str, **more: object) -> str:
        places = [{"system": "sys", "timezone": "UTC", "url": url, **more} for url in urls]
        chosen = {"source": {"trips": {"urls": places}}, **root}
        settings = context.settings.model_copy(update=chosen)
        pipeline.ingest(Context(settings, context.lake, context.clock), SOURCE)
        return capsys.readouterr().out

    return once


def put(folder: Path, name: str, *rides: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([T2, *map(RIDE.format, rides)]) + "\n")
    return file


def rides(lake: Lake) -> list[str]:
    return sorted(str(row["ride_id"]) for row in rows(lake, TRIP_ROW))


def rows(lake: Lake, table: RawTable) -> list[dict[str, object]]:
    return lake.read(table, [field.name for field in table.columns]).to_pylist()


def test_what_is_new_in_a_folder_is_taken_once(take: Take, lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "trips"
    put(folder, "202604.csv", "A1")
    put(folder, "2025/202512.csv", "B1", "B2")
    (folder / "readme.md").write_text("not for us")
    assert "1 received = 1 new" in take(str(folder))
    assert rides(lake) == ["A1", "B1", "B2"]
    assert take(str(folder)) == ""
    put(folder, "copy of 202604.csv", "A1")
    assert "0 new + 1 known already" in take(str(folder))
    put(folder, "202604.csv", "A1", "A2")
    assert "2 new" in take(str(folder))
    assert len(rows(lake, TRIP_FILE)) == 3
    assert len(rows(lake, TRIP_LISTING)) == 4


def test_a_pattern_names_files(take: Take, lake: Lake, tmp_path: Path) -> None:
    put(tmp_path / "t", "a-1.csv", "A1")
    put(tmp_path / "t", "b-1.csv", "B1")
    take(str(tmp_path / "t" / "a-*.csv"))
    assert rides(lake) == ["A1"]
    take(str(tmp_path / "t" / "b-1.csv"))
    assert rides(lake) == ["A1", "B1"]


def test_a_damaged_file_stops_no_other_and_is_tried_again(
    take: Take, lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "trips"
    put(folder, "good.csv", "A1")
    (folder / "bad.zip").write_bytes(b"PK\x03\x04 and then nothing")
    take(str(folder))
    assert rides(lake) == ["A1"]
    assert "cannot be read" in caplog.text
    take(str(folder))
    failed = [row for row in rows(lake, TRIP_LISTING) if row["error"]]
    assert len(failed) == 2
    assert "bad.zip" in str(failed[0]["url"])


def test_a_place_with_a_password_in_it_is_refused(take: Take) -> None:
    with pytest.raises(MobilakeError, match="name it under `secrets`") as refused:
        take("sftp://me:hunter2@host/trips")
    assert "hunter2" not in str(refused.value)


def test_a_place_that_cannot_be_listed_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOBILAKE_SECRET_SSH", "hunter22")
    place = Place(
        system="sys", url="sftp://me@127.0.0.1:1/x", secrets={"password": "ssh"},
        options={"timeout": 1},
    )  # fmt: skip
    with pytest.raises(MobilakeError, match="cannot be listed") as refused:
        listed(place, tmp_path, tmp_path)
    assert "hunter22" not in str(refused.value)


@pytest.fixture
def s3() -> Iterator[str]:
    """A server that speaks S3, on loopback; yields its address."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_files_of_an_object_store_are_taken_with_a_secret_by_name(
    take: Take, lake: Lake, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = pytest.importorskip("s3fs").S3FileSystem(
        key="testing", secret="testing", endpoint_url=s3, skip_instance_cache=True
    )
    store.mkdir("bucket")
    store.put(str(put(tmp_path, "a.csv", "A1")), "bucket/trips/2026/a.csv")
    monkeypatch.setenv("MOBILAKE_SECRET_AWS_KEY", "testing")
    monkeypatch.setenv("MOBILAKE_SECRET_AWS_SECRET", "testing")
    chosen = {
        "options": {"endpoint_url": s3},
        "secrets": {"key": "aws_key", "secret": "aws_secret"},
    }
    assert "1 new" in take("s3://bucket/trips/**/*.csv", **chosen)
    assert take("s3://bucket/trips/**/*.csv", **chosen) == ""
    store.put(str(put(tmp_path, "b.csv", "B1")), "bucket/trips/2026/b.csv")
    take("s3://bucket/trips", **chosen)
    assert rides(lake) == ["A1", "B1"]


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """An SFTP server on loopback for one user; yields its port and the folder that it shows."""
    asyncssh = pytest.importorskip("asyncssh")
    pytest.importorskip("paramiko")
    folder = tmp_path / "served"
    folder.mkdir()
    ready, loop, port = threading.Event(), asyncio.new_event_loop(), []

    class Door(asyncssh.SSHServer):  # type: ignore[misc]
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("me", "open-sesame")

    async def serve() -> None:
        listening = await asyncssh.listen(
            "127.0.0.1", 0,
            server_factory=Door,
            server_host_keys=[asyncssh.generate_private_key("ssh-rsa")],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
        )  # fmt: skip
        port.append(listening.get_port())
        ready.set()

    thread = threading.Thread(
        target=lambda: (loop.create_task(serve()), loop.run_forever()), daemon=True
    )
    thread.start()
    assert ready.wait(20)
    yield port[0], folder
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


def test_files_of_an_sftp_server_are_taken_with_a_password_by_name(
    take: Take, lake: Lake, sftp: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, folder = sftp
    put(folder / "trips", "a.csv", "A1")
    monkeypatch.setenv("MOBILAKE_SECRET_SSH", "open-sesame")
    url = f"sftp://me@127.0.0.1:{port}/trips/*.csv"
    assert "1 new" in take(url, secrets={"password": "ssh"})
    assert take(url, secrets={"password": "ssh"}) == ""
    assert rides(lake) == ["A1"]
