"""What DuckDB is given for a build: a function that judges documents, tables that are missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from ingestion.duckdb_plugin import add_functions, complete_lake, json_schema_errors
from ingestion.lake import Lake
from ingestion.source import load_sources
from mobilake.settings import Settings

BIKES = json.dumps(
    {
        "required": ["ttl"],
        "properties": {
            "ttl": {"type": "integer", "minimum": 0},
            "bikes": {
                "items": {
                    "required": ["bike_id"],
                    "properties": {
                        "lat": {"type": "number"},
                        "web": {"type": "string", "format": "uri"},
                        "station": {"type": "object", "not": {"required": ["rider"]}},
                    },
                }
            },
        },
    }
)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    add_functions(connection)
    return connection


def errors(schema: str, document: Any) -> dict[str, Any]:
    text = document if isinstance(document, str) else json.dumps(document)
    found = json_schema_errors(schema, text)
    assert found is not None
    return dict(json.loads(found))


def test_a_valid_document_has_no_errors() -> None:
    assert json_schema_errors(BIKES, '{"ttl": 60, "bikes": [{"bike_id": "a", "lat": 1}]}') is None
    assert json_schema_errors("true", "null") is None


def test_errors_are_counted_and_the_first_three_told() -> None:
    bikes = [{"bike_id": "a", "lat": "north"}] * 2 + [{}] * 5
    found = errors(BIKES, {"ttl": -1, "bikes": bikes})
    assert found["errors"] == 8
    assert found["first"] == [
        {"path": "/ttl", "message": "-1 is less than the minimum of 0"},
        {"path": "/bikes/0/lat", "message": '"north" is not of type "number"'},
        {"path": "/bikes/1/lat", "message": '"north" is not of type "number"'},
    ]
    assert errors(BIKES, {"ttl": 1, "bikes": [{}] * 500})["errors"] == 100


def test_formats_are_judged() -> None:
    found = errors(BIKES, {"ttl": 1, "bikes": [{"bike_id": "a", "web": "no address"}]})
    assert found["first"][0]["message"] == '"no address" is not a "uri"'


def test_long_values_are_cut_and_objects_not_shown() -> None:
    bike = {"bike_id": "a", "station": {"rider": "MARK"}}
    found = errors(BIKES, {"ttl": "x" * 1000, "bikes": [bike]})
    messages = sorted(one["message"] for one in found["first"])
    assert messages[0] == '"' + "x" * 38 + '… is not of type "integer"'
    assert messages[1].endswith("is not allowed for the object")
    assert "MARK" not in json.dumps(found)


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ("{", "{}"),
        ("5", "{}"),
        ('{"type": "strange"}', "{}"),
        ('{"pattern": "("}', '"a"'),
        ('{"$ref": "http://127.0.0.1:9/schema.json"}', "{}"),
        ('{"$ref": "file:///etc/passwd"}', "{}"),
        ('{"$schema": "http://127.0.0.1:9/draft"}', "{}"),
        ('{"$ref": "#/definitions/nowhere"}', "{}"),
        ("{}", "Bad gateway"),
        ("{}", ""),
        ("{}", "[" * 5000 + "]" * 5000),
        ("{}", '{"a": 1e999}'),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_no_exception(schema: str, document: str) -> None:
    found = errors(schema, document)
    assert found["errors"] == 1
    assert found["first"][0]["message"].startswith("cannot be judged: ")


def test_a_pattern_that_backtracks_without_end_is_given_up() -> None:
    schema = json.dumps({"pattern": r"^(a+)+\1$"})
    assert errors(schema, json.dumps("a" * 60 + "b"))["errors"] == 1


def test_sql_judges_many_rows_at_once(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        """
        select
            count(*) filter (where report is null),
            count(*) filter (where json_extract_string(report, '$.errors') = '1')
        from (
            select json_schema_errors('{"type": "integer"}', document) as report
            from (
                select case when number % 3 = 0 then '"a"' else '1' end as document
                from range(9000) as numbers (number)
            )
        )
        """
    ).fetchall()
    assert rows == [(6000, 3000)]


@pytest.mark.parametrize("arguments", ["null, '{}'", "'{}', null", "null, null"])
def test_of_nothing_nothing_is_said(connection: duckdb.DuckDBPyConnection, arguments: str) -> None:
    assert connection.execute(f"select json_schema_errors({arguments})").fetchall() == [(None,)]


@pytest.fixture
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


@pytest.mark.usefixtures("in_project")
def test_an_older_lake_gets_the_tables_that_came_since(lake: Lake, settings: Settings) -> None:
    tables = [table for one in load_sources(settings).values() for table in one.tables]
    lake.open(tables[0])
    complete_lake()
    assert all(DeltaTable.is_deltatable(lake.uri(table)) for table in tables)
    complete_lake()
    assert all(lake.open(table).version() == 0 for table in tables)


@pytest.mark.usefixtures("in_project")
def test_a_lake_in_which_nothing_has_landed_is_left_alone(settings: Settings) -> None:
    complete_lake()
    assert not Path(settings.lake).exists()


def test_outside_of_a_project_no_tables_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    complete_lake()
    assert "raw tables that are missing were not made" in caplog.text
