"""Every feed of every GBFS version, from import to bronze: official samples, and awkward shapes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.lake import Lake
from ingestion.source import Context, load_sources
from mobilake.cli import application
from mobilake.settings import load

ROOT = Path(__file__).parents[2]
START = datetime(2024, 5, 1, 10, tzinfo=UTC)
MODELS = {
    "gbfs": "feed",
    "gbfs_versions": "version",
    "manifest": "manifest_dataset",
    "system_information": "system_information",
    "system_hours": "rental_hours",
    "system_calendar": "calendar",
    "system_regions": "region",
    "system_pricing_plans": "pricing_plan",
    "system_alerts": "alert",
    "geofencing_zones": "geofencing_zone",
    "vehicle_types": "vehicle_type",
    "station_information": "station_information",
    "station_status": "station_status",
    "free_bike_status": "vehicle",
    "vehicle_status": "vehicle",
    "vehicle_availability": "vehicle_availability",
}
LISTS = {
    "gbfs": "feeds",
    "gbfs_versions": "versions",
    "manifest": "datasets",
    "system_hours": "rental_hours",
    "system_calendar": "calendars",
    "system_regions": "regions",
    "system_pricing_plans": "plans",
    "system_alerts": "alerts",
    "vehicle_types": "vehicle_types",
    "station_information": "stations",
    "station_status": "stations",
    "free_bike_status": "bikes",
    "vehicle_status": "vehicles",
    "vehicle_availability": "vehicles",
}


def import_documents(space: Any, system: str, documents: Mapping[str, list[str]]) -> None:
    """Run `mobilake import gbfs` for each feed, in this process: one poll a minute."""
    places = {"home": space.home, "lake": str(space.home / "lake")}
    settings = load(ROOT).model_copy(update=places)
    context = Context(settings, Lake(settings.lake, now), now)
    app = application(context, load_sources(settings))
    space.home.mkdir(exist_ok=True)
    for feed, bodies in documents.items():
        lines = [
            json.dumps({"fetched_at": str(START + timedelta(minutes=minute)), "body": body})
            for minute, body in enumerate(bodies)
        ]
        file = space.home / "recorded.jsonl"
        file.write_text("\n".join(lines))
        words = ["--system", system, "--feed", feed, "--timezone", "UTC", "--interval", "60"]
        app(["import", "gbfs", *words, str(file)], obj=context, standalone_mode=False)


def now() -> datetime:
    return datetime.now(UTC)


def listed(feed: str, document: dict[str, Any]) -> int:
    """Return how many items a good document lists."""
    data = document["data"]
    if feed == "system_information":
        return 1
    if feed == "geofencing_zones":
        return len(data["geofencing_zones"]["features"]) + len(data.get("global_rules", []))
    if feed == "gbfs" and "feeds" not in data:
        return sum(len(language["feeds"]) for language in data.values())
    return len(data[LISTS[feed]])


def rows_in_bronze(space: Any, system: str) -> dict[str, int]:
    """Return the rows of each bronze model that has any of the system's."""
    counts = " union all ".join(
        f"select '{model}' as model, system_id from bronze.stg_gbfs__{model}"
        for model in sorted(set(MODELS.values()))
    )
    rows = space.bronze(
        f"select model, count(*) from ({counts}) where system_id = '{system}' group by model"
    )
    return dict(rows)


BUILT = (
    "dim_feed_field",
    "int_feeds__schemas_judged",
    "stg_gbfs__item",
    *(f"stg_gbfs__{one}" for one in sorted(set(MODELS.values()))),
)
VERSIONS = ("v2.3", "v3.0", "v3.1-RC3")


@pytest.fixture(scope="module")
def samples(real_data: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The official sample documents, by version and feed."""
    folder = real_data / "gbfs_json_schema" / "testFixtures"
    return {
        version: {
            file.stem: json.loads(file.read_text()) for file in sorted((folder / version).iterdir())
        }
        for version in VERSIONS
    }


@pytest.fixture(scope="module")
def official(real_data: Path, samples: dict[str, Any], new_workspace: Callable[[str], Any]) -> Any:
    """The samples and one that was spoiled, imported and built, with the official schemas."""
    space = new_workspace("official")
    for version, documents in samples.items():
        twice = {feed: [json.dumps(one)] * 2 for feed, one in documents.items()}
        import_documents(space, version, twice)
    spoiled = json.loads(json.dumps(samples["v2.3"]["station_status"]))
    spoiled["data"]["stations"][0]["is_renting"] = "perhaps"
    import_documents(space, "spoiled", {"station_status": [json.dumps(spoiled)]})
    said = space.run("schemas", "add", str(real_data / "gbfs_json_schema"))
    assert " new + 0 known already" in said
    space.models(*BUILT)
    return space


@pytest.mark.real_data
@pytest.mark.parametrize("version", VERSIONS)
def test_every_official_sample_is_in_bronze(
    official: Any, samples: dict[str, Any], version: str
) -> None:
    per_poll = {"station_status", "vehicle", "system_information"}
    expected = {
        MODELS[feed]: listed(feed, document) * (2 if MODELS[feed] in per_poll else 1)
        for feed, document in samples[version].items()
    }
    assert rows_in_bronze(official, version) == expected


@pytest.mark.real_data
def test_valid_samples_have_no_schema_errors_and_a_spoiled_one_has(
    official: Any, samples: dict[str, Any]
) -> None:
    judged = official.bronze(
        "select system_id, count(*), sum(errors) from silver.int_feeds__schemas_judged group by 1"
    )
    expected = [(version, len(documents), 0) for version, documents in samples.items()]
    assert sorted(judged) == sorted([*expected, ("spoiled", 1, 1)])
    evidence = official.bronze(
        "select evidence from silver.int_feeds__schemas_judged where errors > 0"
    )
    assert evidence == [('/data/stations/0/is_renting: "perhaps" is not of type "boolean"',)]


@pytest.mark.real_data
def test_official_samples_serve_no_unknown_fields_and_no_wrong_types(official: Any) -> None:
    odd = official.ask(
        "select system_id, feed, field, json_type from dim_feed_field "
        "where is_in_version is not true or is_type_allowed is not true"
    )
    assert odd == [("spoiled", "station_status", "is_renting", "string")]


ITEM = {
    "station_id": "a", "vehicle_id": "v", "bike_id": "b", "region_id": 7, "plan_id": "p",
    "alert_id": "x", "vehicle_type_id": "t", "name": "one", "url": "https://a.org",
    "num_bikes_available": 1, "num_docks_available": 1, "is_installed": 1, "is_renting": True,
    "is_returning": "true", "is_reserved": 0, "is_disabled": False, "last_reported": 1714557600,
    "properties": {"name": [{"text": "zone", "language": "en"}]}, "a \"b\".c": {"odd": [1]},
}  # fmt: skip
MEMBERS = (*ITEM, "price", "lat", "lon", "capacity", "start_month", "times", "current_range_meters")


def of(value: object) -> dict[str, object]:
    """Return an item all of whose members are the same."""
    return dict.fromkeys(MEMBERS, value)


ITEMS: list[Any] = [
    ITEM,
    of(None),
    of("inf"),
    of(10**30),
    of(-1.5e300),
    of([]),
    of({"text": 1}),
    of([None, {"text": None}]),
    of(True) | {"last_reported": "2024-05-01T12:00:00+02:00"},
    {},
    None,
    7,
    "seven",
    [ITEM],
]


def awkward(feed: str) -> list[str]:
    """Return documents of a feed that list things as they should not, the first one all items."""

    def body(items: Any) -> str:
        data = {LISTS[feed]: items} if feed in LISTS else {"geofencing_zones": {"features": items}}
        return json.dumps({"last_updated": 1714557600, "ttl": 60, "version": "2.3", "data": data})

    shapes = ({"0": ITEM}, "none", None, 5, [], [[]], [[[ITEM]]])
    whole = ("null", "[]", "5", '""', "{}", '{"data": null}', '{"data": []}', '{"data": "x"}')
    return [body(ITEMS), *map(body, shapes), *whole, body([ITEM]).replace("1714557600", "1e999")]


@pytest.fixture(scope="module")
def odd(new_workspace: Callable[[str], Any]) -> Any:
    """A system whose feeds are awkward, all of them, built in a home older than the schemas."""
    space = new_workspace("odd")
    feeds = [feed for feed in MODELS if feed != "system_information"]
    import_documents(space, "odd", {feed: awkward(feed) for feed in feeds})
    texts = {"timezone": 5, "name": {"a": 1}, "languages": {}, "url": ["u"], "operator": [7]}
    documents = [json.dumps({"data": data}) for data in (texts, [texts], None, "x", {})]
    import_documents(space, "odd", {"system_information": documents})
    shutil.rmtree(space.home / "lake" / "raw" / "gbfs_schema", ignore_errors=True)
    space.models(*BUILT)
    return space


def test_awkward_documents_are_rows_with_nulls_and_stop_no_build(odd: Any) -> None:
    counted = rows_in_bronze(odd, "odd")
    read = len(ITEMS) + 2  # [[]] and [[[ITEM]]] list one item each
    vehicles = {"vehicle": 2 * read, "vehicle_availability": read}
    # a document with a number beyond all bounds: those of vehicles are sealed on landing
    others = dict.fromkeys(set(MODELS.values()) - set(vehicles), read + 1)
    assert counted == others | vehicles | {"system_information": 5}


def test_what_cannot_be_read_is_null_and_the_item_is_kept(odd: Any) -> None:
    plans = odd.bronze(
        'select list_position, plan_id, name, price, item ->> \'$."a \\"b\\".c".odd[0]\' '
        "from bronze.stg_gbfs__pricing_plan where content_id = ("
        "    select content_id from bronze.stg_gbfs__pricing_plan where list_position = 14"
        ") order by 1"
    )
    assert plans[0] == (1, "p", "one", None, "1")
    assert plans[1] == (2, None, None, None, None)
    assert plans[2] == (3, "inf", "inf", None, None)
    assert plans[3][3] == pytest.approx(1e30)
    assert [plan[3] for plan in plans[5:]] == [None] * 9


def test_items_are_reachable_as_they_were_served(odd: Any) -> None:
    found = odd.bronze(
        "select item from bronze.stg_gbfs__item where feed = 'station_status' and fetch_id = "
        "(select min(fetch_id) from bronze.stg_gbfs__fetch where feed = 'station_status') "
        "order by list_position"
    )
    assert [json.loads(item) if item else None for (item,) in found] == ITEMS


def test_own_fields_are_seen_as_such(odd: Any) -> None:
    fields = odd.ask(
        "select json_type, is_in_version, is_in_any_version from dim_feed_field "
        "where feed = 'station_status' and field = 'a \"b\".c'"
    )
    assert fields == [("object", False, False)]


def test_documents_are_judged_when_their_schema_is_added(odd: Any, tmp_path: Path) -> None:
    judged = "select errors, evidence from silver.int_feeds__schemas_judged order by all"
    assert odd.bronze(judged) == []

    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "required": ["data"],
        "properties": {"data": {"properties": {"stations": {"type": "array"}}}},
    }
    (tmp_path / "v2.3").mkdir()
    (tmp_path / "v2.3" / "station_status.json").write_text(json.dumps(schema))
    odd.run("schemas", "add", str(tmp_path))
    odd.models(*BUILT)
    wrong = [
        f'/data/stations: {told} is not of type "array"'
        for told in ("the object", '"none"', "null", "5")
    ]
    found = odd.bronze(judged)
    evidence = [told for errors, told in found if errors]
    assert sorted(evidence[:-1]) == sorted(wrong)
    assert evidence[-1].startswith("cannot be judged: number is infinity")
    assert [errors for errors, _ in found].count(0) == 4
