"""Zones on their way into the lake: which features are zones, and why others are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion.dead_letters import DEAD_LETTER
from ingestion.importer import IMPORT_FILE
from ingestion.source import Context
from ingestion.sources.zones.features import BadZone, Reading, features_of, zone_of
from ingestion.sources.zones.landing import land
from ingestion.sources.zones.tables import ZONE
from mobilake.errors import MobilakeError

BY_KIND = Reading(None, "name")
SQUARE = [[10.0, 59.0], [11.0, 59.0], [11.0, 60.0], [10.0, 60.0], [10.0, 59.0]]


def feature(coordinates: Any = None, kind: str = "Polygon", **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"kind": "council", "name": "Sentrum"} | properties,
        "geometry": {"type": kind, "coordinates": coordinates or [SQUARE]},
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_it(*features: Any, name: str = "zones.geojson") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return path

    return write_it


def test_a_polygon_and_a_multipolygon_are_zones() -> None:
    zone = zone_of(feature(valid_from="2026-01-05", valid_to="2026-02-01T00:00:00+01:00"), BY_KIND)
    assert (zone.kind, zone.name) == ("council", "Sentrum")
    assert zone.valid_from == datetime(2026, 1, 5, tzinfo=UTC)
    assert zone.valid_to == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert zone.polygons == [[[tuple(position) for position in SQUARE]]]
    two = zone_of(feature([[SQUARE], [SQUARE]], "MultiPolygon"), BY_KIND)
    assert len(two.polygons) == 2


def test_kind_and_name_can_come_from_elsewhere() -> None:
    unnamed = feature() | {"properties": {"BoroName": 3}}
    zone = zone_of(unnamed, Reading("equity_area", "BoroName"))
    assert (zone.kind, zone.name) == ("equity_area", "3")


def test_heights_are_left_out_and_a_ring_that_is_open_is_closed() -> None:
    ring = [[*position, 120.0] for position in SQUARE[:-1]]
    assert zone_of(feature([ring]), BY_KIND).polygons == zone_of(feature(), BY_KIND).polygons


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("text", "no GeoJSON Feature"),
        (feature(kind="Point", coordinates=[10.0, 59.0]), "encloses nothing"),
        (feature() | {"geometry": None}, "no geometry"),
        (feature([SQUARE[:2]]), "ring that encloses nothing"),
        (feature([[[10.0, 59.0]] * 5]), "ring that encloses nothing"),
        (
            feature([[[261_000, 6_650_000], [262_000, 6_650_000], [262_000, 6_651_000]]]),
            "projected",
        ),
        (feature([[[10.0, 59.0], [11.0], [11.0, 60.0], [10.0, 60.0]]]), "two numbers"),
        (feature([[[10.0, 59.0], ["11", 59.0], [11.0, 60.0]]]), "two numbers"),
        (feature([[[True, False]] * 4]), "two numbers"),
        (feature([7]), "no list"),
        (feature([[]], "MultiPolygon"), "without a ring"),
        (feature() | {"properties": {"kind": "council"}}, "no property 'name'"),
        (feature() | {"properties": {"name": "Sentrum"}}, "no kind"),
        (feature() | {"properties": {"name": "Sentrum", "kind": "Equity Area"}}, "no kind"),
        (feature(valid_from="soon"), "valid_from is no ISO 8601"),
        (feature(valid_from="2026-02-01", valid_to="2026-01-01"), "not after"),
    ],
)
def test_what_is_no_zone_is_told_why(bad: Any, reason: str) -> None:
    with pytest.raises(BadZone, match=reason):
        zone_of(bad, BY_KIND)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"kind,name", "not JSON"),
        (b"[]", "no GeoJSON FeatureCollection"),
        (b'{"type": "Feature", "features": []}', "no GeoJSON FeatureCollection"),
        (
            b'{"type": "FeatureCollection", "features": [],'
            b' "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}}',
            "reproject",
        ),
    ],
)
def test_a_file_of_something_else_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(MobilakeError, match=reason):
        features_of(content, "it.geojson")
    wgs84 = b'{"type": "FeatureCollection", "features": [],"crs": {"name": "OGC:1.3:CRS84"}}'
    assert features_of(wgs84, "it.geojson") == []


def test_each_feature_is_accounted_for_and_the_bad_ones_are_dead_letters(
    context: Context, write: Callable[..., Path]
) -> None:
    counts = land(
        context, "oslo", write(feature(), feature(secret="s3cret", kind="Point")), BY_KIND
    )
    assert (counts.received, counts.accepted, counts.quarantined) == (2, 1, 1)
    rows = context.lake.read(ZONE, ["system_id", "position", "name", "polygons"]).to_pylist()
    assert rows == [
        {
            "system_id": "oslo",
            "position": 1,
            "name": "Sentrum",
            "polygons": json.dumps([[SQUARE]], separators=(",", ":")),
        }
    ]
    (dead,) = context.lake.read(DEAD_LETTER, ["reason", "position", "payload"]).to_pylist()
    assert dead["position"] == "2"
    assert "s3cret" not in dead["payload"]
    (told,) = context.lake.read(IMPORT_FILE, ["received", "accepted", "known"]).to_pylist()
    assert told == {"received": 2, "accepted": 1, "known": 0}


def test_a_place_that_is_nested_too_deeply_is_a_dead_letter(
    context: Context, write: Callable[..., Path]
) -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    counts = land(context, "oslo", write(feature(), feature(deep)), BY_KIND)
    assert (counts.received, counts.accepted, counts.quarantined) == (2, 1, 1)


def test_a_file_lands_once_until_it_changes_and_again_when_it_changes_back(
    context: Context, write: Callable[..., Path], clock: Any
) -> None:
    one, other = feature(), feature(name="Vest")
    landed = []
    for content in (one, one, other, one):
        clock.put_on(minutes=1)
        landed.append(land(context, "oslo", write(content), BY_KIND).accepted)
    assert landed == [1, 0, 1, 1]
    assert land(context, "bergen", write(one), BY_KIND).accepted == 1


def test_a_file_without_a_zone_is_refused_with_the_first_reason(
    context: Context, write: Callable[..., Path]
) -> None:
    with pytest.raises(MobilakeError, match="encloses nothing"):
        land(context, "oslo", write(feature(kind="Point")), BY_KIND)
    with pytest.raises(MobilakeError, match="cannot be read"):
        land(context, "oslo", Path("nowhere.geojson"), BY_KIND)
