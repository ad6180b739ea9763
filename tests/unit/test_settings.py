"""Settings: the file, the environment before it, and one sentence for each mistake."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingestion.lake import Lake
from ingestion.source import Context, load_sources
from ingestion.sources.gbfs.pace import GbfsOptions
from mobilake.errors import MobilakeError
from mobilake.settings import load, share_with_libraries

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_the_file_gives_the_choices(project: Path) -> None:
    settings = load(project)
    assert settings.root == project.resolve()
    assert settings.home == project / "data"
    assert settings.lake == str(project / "data" / "lake")
    assert settings.http.timeout_s == 20
    assert settings.sources["gbfs"] == "ingestion.sources.gbfs:SOURCE"
    assert settings.marts == project / "data" / "serving" / "marts.duckdb"


def test_a_folder_of_the_project_is_as_good_as_its_root(project: Path) -> None:
    (project / "a" / "b").mkdir(parents=True)
    assert load(project / "a" / "b") == load(project)


def test_the_environment_wins(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILAKE_HOME", "elsewhere")
    monkeypatch.setenv("MOBILAKE_HTTP__TIMEOUT_S", "5")
    monkeypatch.setenv("MOBILAKE_HTTP__PRIVATE_HOSTS", '["localhost"]')
    settings = load(project)
    assert settings.home == project / "elsewhere"
    assert settings.http.timeout_s == 5
    assert settings.http.private_hosts == ("localhost",)
    assert settings.http.max_redirects == 5


def test_what_a_source_lets_choose_is_its_own(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(project).source["gbfs"] == {"static_interval_s": 3600}
    monkeypatch.setenv("MOBILAKE_SOURCE__GBFS__STATIC_INTERVAL_S", "60")
    settings = load(project)
    assert load_sources(settings).keys() == settings.sources.keys()
    context = Context(settings, Lake(settings.lake, lambda: NOW), lambda: NOW)
    assert context.options("gbfs", GbfsOptions).static_interval_s == 60


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "GBFS__STATIC_INTERVAL_S",
            "soon",
            r"^The setting `source.gbfs.static_interval_s` \(mobilake.toml, or "
            "MOBILAKE_SOURCE__GBFS__STATIC_INTERVAL_S",
        ),
        ("GBFS__STATIC_INTERVAL_S", "0", "greater than or equal to 1"),
        ("GBFS__NO_SUCH", "1", "`source.gbfs.no_such` that is not known"),
        ("TRAINS__SPEED", "1", r"^\[source.trains\] is about no source"),
    ],
)
def test_a_wrong_choice_of_a_source_is_one_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"MOBILAKE_SOURCE__{name}", value)
    settings = load(project)
    with pytest.raises(MobilakeError, match=sentence):
        load_sources(settings)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("s3://bucket/lake/", "s3://bucket/lake"),
        ("/srv/lake", "/srv/lake"),
        ("other", "{root}/other"),
    ],
)
def test_the_lake_may_stand_elsewhere(
    project: Path, monkeypatch: pytest.MonkeyPatch, place: str, expected: str
) -> None:
    monkeypatch.setenv("MOBILAKE_LAKE", place)
    assert load(project).lake == expected.format(root=project)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HTTP__TIMEOUT_S", "soon", "The setting `http.timeout_s` .*MOBILAKE_HTTP__TIMEOUT_S"),
        ("HTTP__TIMEOUT_S", "0", "`http.timeout_s` .* is wrong: Input should be greater than 0"),
        ("PUBLICATION__KEEP_GENERATIONS", "1", "greater than or equal to 2"),
        ("SOURCES", "{", "MOBILAKE_.* cannot be read"),
        ("HTTP__NO_SUCH", "1", "`http.no_such` that is not known"),
        ("POLL__FLUSH_S", "0", "`poll.flush_s` .* is wrong: Input should be greater than 0"),
        ("POLL__ATTEMPTS", "0", "`poll.attempts` .*MOBILAKE_POLL__ATTEMPTS"),
    ],
)
def test_a_wrong_value_is_one_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"MOBILAKE_{name}", value)
    with pytest.raises(MobilakeError, match=sentence):
        load(project)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[http]\ntimeout = 5", "has a setting `http.timeout` that is not known"),
        ("speed = 5", "has a setting `speed` that is not known"),
        ("[http", "cannot be read: Expected"),
        ("[http]\ntimeout_s = 'x'", "The setting `http.timeout_s` .* is wrong"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(project: Path, text: str, sentence: str) -> None:
    (project / "mobilake.toml").write_text(text)
    with pytest.raises(MobilakeError, match=sentence):
        load(project)


def test_no_project_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MobilakeError, match="run the command from the project's folder"):
        load(tmp_path)


def test_settings_do_not_change(project: Path) -> None:
    settings = load(project)
    with pytest.raises(ValidationError):
        settings.home = Path("/")  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.http.timeout_s = 1  # type: ignore[misc]


def test_libraries_are_told_and_the_user_is_heard(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", os.environ | {"PREFECT_HOME": "/mine"})
        patch.delitem(os.environ, "DO_NOT_TRACK")
        settings = load(project)
        share_with_libraries(settings)
        assert os.environ["MOBILAKE_HOME"] == str(settings.home)
        assert os.environ["MOBILAKE_LAKE"] == settings.lake
        assert os.environ["PREFECT_HOME"] == "/mine"
        assert os.environ["DO_NOT_TRACK"] == "1"


def test_importing_reads_and_writes_nothing(tmp_path: Path) -> None:
    """No network, files or environment at import: it works where there is no project."""
    modules = "mobilake.cli, ingestion.sources.gbfs, quality.gate, serving.publish"
    code = f"import os; kept = dict(os.environ); import {modules}; assert dict(os.environ) == kept"
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=environment)
    assert list(tmp_path.iterdir()) == []
