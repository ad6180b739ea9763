"""The command line: what a user does wrong ends with one sentence and exit code 1."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingestion.source import Context, load_sources
from ingestion.sources.gbfs.registry import System, register, systems
from mobilake.cli import application
from mobilake.errors import MobilakeError
from mobilake.settings import Http

ROOT = Path(__file__).parents[2]
MISTAKES: dict[str, tuple[str, dict[str, str], str]] = {
    "wrong value": (
        "systems list",
        {"MOBILAKE_HTTP__TIMEOUT_S": "soon"},
        "The setting `http.timeout_s` (mobilake.toml, or MOBILAKE_HTTP__TIMEOUT_S) is wrong",
    ),
    "wrong log level": ("systems list", {"MOBILAKE_LOG_LEVEL": "loud"}, "MOBILAKE_LOG_LEVEL is"),
    "loopback": (
        "systems add http://127.0.0.1:9/gbfs.json",
        {},
        "http://127.0.0.1:9/gbfs.json is on a private or loopback address, which is refused",
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All mistakes made at once, because each start of the program takes seconds."""
    folder = tmp_path_factory.mktemp("mistakes")
    shutil.copy(ROOT / "mobilake.toml", folder)
    clean = {name: value for name, value in os.environ.items() if "MOBILAKE" not in name}
    started = {
        name: subprocess.Popen(
            [sys.executable, "-m", "mobilake", *words.split()],
            cwd=folder,
            env=clean | {"PYTHONPATH": str(ROOT), "MOBILAKE_HOME": str(folder / name)} | extra,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, (words, extra, _) in MISTAKES.items()
    }
    return {name: (*one.communicate(), one.returncode) for name, one in started.items()}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_and_code_1(answers: dict[str, Any], name: str) -> None:
    printed, complained, code = answers[name]
    assert MISTAKES[name][2] in complained
    assert len(complained.splitlines()) == 1
    assert (printed, code) == ("", 1)


Run = Callable[..., Any]


@pytest.fixture
def run(context: Context) -> Run:
    """Run a command in this process, on the test's own lake."""

    def once(*words: str, **http: Any) -> Any:
        settings = context.settings.model_copy(
            update={"http": Http(**({"private_hosts": ("127.0.0.1",), "timeout_s": 5} | http))}
        )
        at = Context(settings, context.lake, context.clock)
        return CliRunner().invoke(application(at, load_sources(settings)), list(words), obj=at)

    return once


def index(web: Any, information: object) -> str:
    url = web.put("/info", {"data": information})
    feeds = [{"name": "system_information", "url": url}]
    return str(web.put("/gbfs.json", {"data": {"en": {"feeds": feeds}}}))


def test_a_system_is_registered_by_what_it_says_of_itself(
    run: Run, web: Any, context: Context, clock: Any
) -> None:
    url = index(web, {"system_id": "sys", "timezone": "Europe/Oslo"})
    assert run("systems", "add", url).exit_code == 0
    assert systems(context.lake) == {"sys": System("sys", url, "Europe/Oslo", 60)}
    assert run("systems", "add", url).exit_code == 0
    clock.put_on(seconds=1)
    assert run("systems", "add", url, "--interval", "30").exit_code == 0
    assert systems(context.lake)["sys"].poll_interval_s == 30


@pytest.mark.parametrize(
    ("information", "options", "sentence"),
    [
        ({"timezone": "UTC"}, [], "does not state its id: give it with --system"),
        ({"system_id": "sys"}, [], "does not state its time zone: give it with --timezone"),
        ({"system_id": "a b", "timezone": "UTC"}, [], "cannot be a system's id"),
        ({"system_id": "sys", "timezone": "Here"}, [], "is no IANA time zone"),
        ([], ["--system", "sys"], "does not state its time zone"),
    ],
)
def test_what_a_system_leaves_open_is_asked_for(
    run: Run, web: Any, information: object, options: list[str], sentence: str
) -> None:
    error = run("systems", "add", index(web, information), *options).exception
    assert isinstance(error, MobilakeError)
    assert sentence in str(error)


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (b"no JSON", "it lists no GBFS feeds"),
        (b'{"data": {"en": {"feeds": 5}}}', "it lists no GBFS feeds"),
        (None, "http 404"),
    ],
)
def test_what_is_no_index_is_refused(run: Run, web: Any, served: bytes | None, reason: str) -> None:
    if served is not None:
        web.put("/gbfs.json", served)
    error = run("systems", "add", web.address + "/gbfs.json").exception
    assert isinstance(error, MobilakeError)
    assert f"is no gbfs.json that can be read ({reason})" in str(error)


def test_systems_are_listed_whatever_is_in_their_addresses(run: Run, context: Context) -> None:
    register(context.lake, System("sys", "http://a.example/[/b]", "UTC"), context.clock())
    assert run("systems", "list").exit_code == 0


def recorded(folder: Path) -> Path:
    file = folder / "status.jsonl"
    lines = [{"fetched_at": f"2026-01-05T10:0{n}:00Z", "body": "{}"} for n in range(3)]
    file.write_text("\n".join(json.dumps(line) for line in lines) + "\nnonsense\n")
    return file


def test_history_is_imported_once(run: Run, context: Context, tmp_path: Path) -> None:
    words = ["import", "gbfs", "--system", "sys", "--feed", "station_status"]
    file = str(recorded(tmp_path))
    assert "The time zone of sys is not known" in str(run(*words, file).exception)
    assert run(*words, "--timezone", "UTC", file).exit_code == 0
    assert systems(context.lake) == {"sys": System("sys", None, "UTC", 60)}
    assert run(*words, file).exit_code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", "gbfs", "--system", "s", "--feed", "x", "{file}"], "'x' is no feed of GBFS"),
        (
            ["import", "gbfs", "--system", "s", "--feed", "station_status", "{file}", "none"],
            "none is no file: check the path.",
        ),
        (
            ["ingest", "gbfs", "trains"],
            "No source is called 'trains': mobilake.toml names gbfs, trips,",
        ),
    ],
    ids=["unknown feed", "missing file", "unknown source"],
)
def test_what_is_not_there_is_one_sentence(
    run: Run, tmp_path: Path, words: list[str], sentence: str
) -> None:
    file = str(recorded(tmp_path))
    error = run(*[word.format(file=file) for word in words]).exception
    assert isinstance(error, MobilakeError)
    assert sentence in str(error)


@pytest.mark.parametrize(
    "address", ["nowhere:SOURCE", "ingestion.source:NOTHING", "json:loads", ""]
)
def test_a_source_that_is_none_is_one_sentence(context: Context, address: str) -> None:
    settings = context.settings.model_copy(update={"sources": {"mine": address}})
    with pytest.raises(MobilakeError, match=r"^\[sources\] mine = "):
        load_sources(settings)
