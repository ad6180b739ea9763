"""Secrets that never show, locks that die with their holder, errors that are sentences."""

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from mobilake.errors import MobilakeError, TransientError, explain
from mobilake.locks import alone
from mobilake.secrets import MissingSecret, Secret, named_secret, pseudonym_key

HOLDER = """
import sys
from pathlib import Path
from mobilake.locks import alone
with alone(Path(sys.argv[1]), "test"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    made = pseudonym_key(tmp_path).reveal()
    file = tmp_path / "secrets" / "pseudonym.key"
    assert len(made) >= 32
    assert file.read_text() == made == pseudonym_key(tmp_path).reveal()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_makers_at_once_agree_on_a_key(tmp_path: Path) -> None:
    start, found = threading.Barrier(8), []

    def make() -> None:
        start.wait()
        found.append(pseudonym_key(tmp_path).reveal())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(list((tmp_path / "secrets").iterdir())) == 1


def test_the_environment_wins_over_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "named").write_text("n" * 32 + "\n")
    monkeypatch.setenv("MOBILAKE_PSEUDONYM_KEY_FILE", str(tmp_path / "named"))
    assert pseudonym_key(tmp_path).reveal() == "n" * 32
    monkeypatch.setenv("MOBILAKE_PSEUDONYM_KEY", "e" * 32)
    assert pseudonym_key(tmp_path).reveal() == "e" * 32
    assert not (tmp_path / "secrets").exists()


def test_a_short_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILAKE_PSEUDONYM_KEY", "e" * 31)
    with pytest.raises(MobilakeError, match="fewer than 32 characters") as error:
        pseudonym_key(tmp_path)
    assert "eee" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"\xff" * 40], ids=["missing", "no text"])
def test_a_key_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("MOBILAKE_PSEUDONYM_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(MobilakeError, match=r"^The secret file .* cannot be read \(.+\)\.$"):
        pseudonym_key(tmp_path)


def test_a_named_secret_is_looked_for_in_three_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "secrets" / "city_1"
    own.parent.mkdir()
    own.write_text("from-home\n")
    assert named_secret(tmp_path, "city_1").reveal() == "from-home"
    (tmp_path / "mounted").write_text(" from-file ")
    monkeypatch.setenv("MOBILAKE_SECRET_CITY_1_FILE", str(tmp_path / "mounted"))
    assert named_secret(tmp_path, "city_1").reveal() == "from-file"
    monkeypatch.setenv("MOBILAKE_SECRET_CITY_1", "from-variable")
    assert named_secret(tmp_path, "city_1").reveal() == "from-variable"


def test_a_missing_secret_is_told_with_all_its_places(tmp_path: Path) -> None:
    with pytest.raises(MissingSecret) as missing:
        named_secret(tmp_path, "city")
    for part in ("MOBILAKE_SECRET_CITY ", "MOBILAKE_SECRET_CITY_FILE", "secrets/city"):
        assert part in str(missing.value)


@pytest.mark.parametrize("name", ["", "1a", "a-b", "../a", "a.key", "a" * 65, "a\n", "é"])
def test_a_name_that_cannot_be_one_is_not_repeated_as_it_may_be_the_value(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(MobilakeError, match=r"^This cannot be a secret's name") as refused:
        named_secret(tmp_path, name)
    assert len(name) < 5 or name not in str(refused.value)


@pytest.mark.parametrize("value", ["abc", "two\nlines", "nul\x01l", "smörgås"])
def test_a_value_that_cannot_be_sent_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MOBILAKE_SECRET_CITY", value)
    with pytest.raises(MobilakeError, match=r"^The secret city cannot be sent") as refused:
        named_secret(tmp_path, "city")
    assert value not in str(refused.value)


def test_secrets_are_equal_by_value() -> None:
    assert Secret("same") == Secret("same") != Secret("other")
    assert len({Secret("same"), Secret("same"), Secret("other")}) == 2
    assert Secret("same") != "same"


def test_a_secret_never_shows() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_a_lock_has_one_holder_and_is_given_back(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "a.lock"
    with (
        alone(lock, "first"),
        pytest.raises(TransientError, match=r"^Another process is at it already \(second, lock .+"),
        alone(lock, "second"),
    ):
        pass
    with pytest.raises(ValueError, match="inside"), alone(lock, "third"):
        raise ValueError("inside")
    with alone(lock, "fourth"):
        pass


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TransientError), alone(lock, "other"):
            pass
        holder.kill()
        holder.wait()
        with alone(lock, "other"):
            pass


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (MobilakeError("Do this."), "Do this."),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "The disk is full"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "The disk is full"),
        (
            RuntimeError("Generic LocalFileSystem error: No space left on device"),
            "The disk is full",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "This user may not read"),
        (OSError(errno.EROFS, "Read-only file system"), "This user may not read"),
        (RuntimeError("IO Error: Permission denied (os error 13)"), "This user may not read"),
    ],
)
def test_errors_of_the_machine_are_sentences(error: Exception, start: str) -> None:
    assert str(explain(error)).startswith(start)


def test_a_warehouse_in_use_is_a_sentence(tmp_path: Path) -> None:
    file = str(tmp_path / "a.duckdb")
    code = "import duckdb, sys; it = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(duckdb.IOException) as raised:
            duckdb.connect(file)
        writer.kill()
    assert str(explain(raised.value)).startswith("The warehouse is being written")


def test_a_defect_of_ours_is_no_sentence() -> None:
    assert explain(KeyError("x")) is None
    assert explain(FileNotFoundError(errno.ENOENT, "No such file or directory")) is None
