"""Versions of the pseudonym key: made, taken up, kept and dropped, whatever is killed."""

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion.privacy import pseudonym, seal, unseal
from ingestion.source import Context
from mobilake import keys
from mobilake.cli import application
from mobilake.errors import MobilakeError, TransientError
from mobilake.secrets import key_file, pseudonym_key, pseudonym_keys

ROTATING = """
import sys
from pathlib import Path
from mobilake import keys
while True:
    keys.rotate(Path(sys.argv[1]))
    print("rotated", flush=True)
"""


def versions(home: Path) -> list[int]:
    return [key.version for key in pseudonym_keys(home)]


def test_a_new_version_is_used_and_the_old_one_stays(tmp_path: Path) -> None:
    first = pseudonym_key(tmp_path)
    second = keys.rotate(tmp_path)
    assert pseudonym_keys(tmp_path) == (first, second)
    assert pseudonym_key(tmp_path) == second != first
    assert len(pseudonym("a", first)) == 32
    assert pseudonym("a", second).startswith("k2-")
    assert unseal(seal("text", first), *pseudonym_keys(tmp_path)) == "text"


def test_the_file_of_keys_is_for_its_owner_alone(tmp_path: Path) -> None:
    keys.rotate(tmp_path)
    keys.rotate(tmp_path)
    keys.drop(tmp_path, 1)
    file = key_file(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_dropped_version_is_gone_and_its_number_is_not_given_again(tmp_path: Path) -> None:
    pseudonym_key(tmp_path)
    keys.rotate(tmp_path)
    keys.drop(tmp_path, 1)
    assert versions(tmp_path) == [2]
    assert keys.rotate(tmp_path).version == 3
    with pytest.raises(MobilakeError, match="there are 2, 3"):
        keys.drop(tmp_path, 1)
    with pytest.raises(MobilakeError, match="is in use"):
        keys.drop(tmp_path, 3)


def test_keys_of_the_environment_are_read_and_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOBILAKE_PSEUDONYM_KEY", f"2 {'b' * 32}\n{'a' * 32}\n")
    assert versions(tmp_path) == [1, 2]
    assert pseudonym_key(tmp_path).reveal() == "b" * 32
    for change in (lambda: keys.rotate(tmp_path), lambda: keys.drop(tmp_path, 1)):
        with pytest.raises(MobilakeError, match="MOBILAKE_PSEUDONYM_KEY says"):
            change()
    assert not key_file(tmp_path).exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x " + "a" * 32, "cannot be read"),
        ("0 " + "a" * 32, "cannot be read"),
        (f"1 {'a' * 32}\n{'b' * 32}", "two pseudonym keys of version 1"),
        (f"1 {'a' * 32}\n2 short", "fewer than 32 characters"),
    ],
)
def test_a_line_that_is_no_key_is_one_sentence_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setenv("MOBILAKE_PSEUDONYM_KEY", text)
    with pytest.raises(MobilakeError, match=told) as refused:
        pseudonym_keys(tmp_path)
    assert "aaa" not in str(refused.value)


def test_an_empty_file_of_keys_is_not_replaced_by_a_new_key(tmp_path: Path) -> None:
    key_file(tmp_path).parent.mkdir()
    key_file(tmp_path).write_text("\n")
    with pytest.raises(MobilakeError, match="from a backup"):
        pseudonym_key(tmp_path)


def test_whoever_is_at_work_takes_up_the_new_key_or_goes_on(tmp_path: Path) -> None:
    before = pseudonym_key(tmp_path)
    after = keys.rotate(tmp_path)
    assert keys.present(tmp_path, before) == after
    key_file(tmp_path).write_text("short")
    assert keys.present(tmp_path, before) == before
    key_file(tmp_path).unlink()
    assert keys.present(tmp_path, before) == before
    assert not key_file(tmp_path).exists()


def test_readers_see_whole_keys_while_others_rotate(tmp_path: Path) -> None:
    pseudonym_key(tmp_path)
    lost: list[str] = []

    def turn() -> None:
        for _ in range(10):
            try:
                keys.rotate(tmp_path)
            except TransientError as error:
                lost.append(str(error))

    threads = [threading.Thread(target=turn) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert versions(tmp_path)[0] == 1
    assert versions(tmp_path) == list(range(1, 32 - len(lost)))


def test_a_killed_rotation_leaves_whole_keys(tmp_path: Path) -> None:
    first = pseudonym_key(tmp_path)
    for rotations in (1, 2, 7, 20):
        with subprocess.Popen(
            [sys.executable, "-c", ROTATING, str(tmp_path)],
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for _ in range(rotations):
                process.stdout.readline()
            process.kill()
        known = pseudonym_keys(tmp_path)
        assert known[0] == first
        assert [key.version for key in known] == list(range(1, len(known) + 1))
    keys.rotate(tmp_path)
    assert list(key_file(tmp_path).parent.iterdir()) == [key_file(tmp_path)]


def test_the_commands_say_what_there_is_and_never_a_key(context: Context) -> None:
    app, home = application(context, {}), context.settings.home
    said = ""
    for words in (["keys", "list"], ["keys", "rotate"], ["keys", "list"], ["keys", "drop", "1"]):
        outcome = CliRunner().invoke(app, words, obj=context)
        assert outcome.exit_code == 0, outcome.output
        said += outcome.output
    assert "version 1: old" in said
    assert "version 2: in use" in said
    for key in pseudonym_keys(home):
        assert key.reveal() not in said
