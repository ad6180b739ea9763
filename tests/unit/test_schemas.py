"""Adding JSON Schemas: what is found in folders and archives, and what is landed of it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer

from ingestion.source import Context
from ingestion.sources.gbfs.schemas import GBFS_SCHEMA, Schema, add, find_schemas, land
from mobilake.errors import MobilakeError

DRAFT = "http://json-schema.org/draft-07/schema#"


def schema(**members: Any) -> str:
    return json.dumps({"$schema": DRAFT, "type": "object", **members})


SAMPLE = json.dumps({"last_updated": 0, "ttl": 0, "version": "2.3", "data": {"stations": []}})
FILES = {
    "v2.3/station_status.json": schema(),
    "v3.1-RC3/vehicle_status.json": schema(),
    "v3.0/manifest.json": schema(),
    "1.0/gbfs.json": schema(),
    "v2.3/stations.json": schema(),  # no feed
    "latest/station_status.json": schema(),  # no version
    "v2.3/station_status.txt": "no schema",
    "testFixtures/v2.3/vehicle_types.json": SAMPLE,
    "testFixtures/v2.3/station_status.json": SAMPLE,
    "old/v2.3/station_status.json": schema(title="deeper"),
}
FOUND = {
    ("1.0", "gbfs"),
    ("2.3", "station_status"),
    ("3.0", "manifest"),
    ("3.1-RC3", "vehicle_status"),
}


def folder(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def archive(file: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(file, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return file


def found(path: Path) -> set[tuple[str, str]]:
    return {(one.version, one.feed) for one in find_schemas(path)}


@pytest.mark.parametrize("above", ["", "a/", "a/b-main/"])
def test_schemas_are_found_at_any_depth(tmp_path: Path, above: str) -> None:
    files = {above + name: text for name, text in FILES.items()}
    assert found(folder(tmp_path / "schemas", files)) == FOUND
    assert found(archive(tmp_path / "schemas.zip", files)) == FOUND
    assert found(archive(tmp_path / "validator.jar", files)) == FOUND


def test_a_folder_of_one_version_is_enough(tmp_path: Path) -> None:
    folder(tmp_path, FILES)
    assert found(tmp_path / "v2.3") == {("2.3", "station_status")}


def test_the_least_deep_one_counts(tmp_path: Path) -> None:
    texts = [one.text for one in find_schemas(folder(tmp_path, FILES)) if one.version == "2.3"]
    assert texts == [schema()]


@pytest.mark.parametrize(
    ("files", "mend"),
    [
        ({}, "No JSON Schema of GBFS is in"),
        ({"testFixtures/v2.3/station_status.json": SAMPLE}, "it should hold v2.3/station_status"),
        ({"v2.3/station_status.json": "{"}, "v2.3/station_status.json is not JSON"),
        ({"v2.3/station_status.json": schema(type="strange")}, "is no usable JSON Schema"),
        (
            {"v2.3/station_status.json": schema(**{"$ref": "http://127.0.0.1:9/other.json"})},
            "is no usable JSON Schema",
        ),
    ],
    ids=["nothing", "samples", "not JSON", "no schema", "refers elsewhere"],
)
def test_what_cannot_be_used_is_one_sentence(
    tmp_path: Path, files: dict[str, str], mend: str
) -> None:
    (tmp_path / "schemas").mkdir()
    for path in (
        folder(tmp_path / "schemas", files),
        archive(tmp_path / "schemas.zip", files),
    ):
        with pytest.raises(MobilakeError, match=mend):
            find_schemas(path)


def test_a_path_that_is_no_folder_or_archive_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "schemas.tar").write_text("x")
    (tmp_path / "schemas.zip").write_text("x")
    for name in ("nothing", "schemas.tar"):
        with pytest.raises(MobilakeError, match=r"is no folder, \.zip or \.jar: it should hold"):
            find_schemas(tmp_path / name)
    with pytest.raises(MobilakeError, match=r"cannot be unpacked .*: fetch it again"):
        find_schemas(tmp_path / "schemas.zip")


def test_a_schema_lands_once_until_another_takes_its_place(context: Context, clock: Any) -> None:
    first, second = (Schema("2.3", "station_status", schema(title=title)) for title in "ab")
    other = Schema("2.3", "vehicle_types", schema())
    assert land(context, [first, other], "a.zip") == 2
    assert land(context, [first, other], "b.zip") == 0
    clock.put_on(hours=1)
    assert land(context, [second, other], "c.zip") == 1
    clock.put_on(hours=1)
    assert land(context, [first], "a.zip") == 1
    rows = context.lake.read(GBFS_SCHEMA, ["feed", "schema", "origin", "added_at"]).to_pylist()
    rows = [row for row in rows if row["feed"] == "station_status"]
    rows.sort(key=lambda row: row["added_at"])
    assert [row["origin"] for row in rows] == ["a.zip", "c.zip", "a.zip"]
    assert rows[-1]["schema"] == first.text


def test_the_command_says_what_it_added(
    context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path / "schemas", FILES)
    call = typer.Context(typer.main.get_command(typer_app()), obj=context)
    add(call, tmp_path / "schemas")
    add(call, tmp_path / "schemas")
    said = " ".join(capsys.readouterr().out.split())
    assert "4 schemas of GBFS 1.0, 2.3, 3.0, 3.1-RC3 = 4 new + 0 known already" in said
    assert "= 0 new + 4 known already" in said


def typer_app() -> typer.Typer:
    app = typer.Typer()
    app.command()(add)
    return app
