"""The city's own zones: councils part the city, and the file says so."""

import json
import math
from datetime import date
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from simulator import City
from simulator.geography import NEIGHBOURHOODS
from simulator.zones import council, council_of, write_zones

KM = st.floats(-11, 11)


@given(east=KM, north=KM)
def test_every_spot_lies_in_the_council_of_the_nearest_neighbourhood(
    east: float, north: float
) -> None:
    away = sorted(
        math.dist((east, north), (place.east_km, place.north_km)) for place in NEIGHBOURHOODS
    )
    assume(away[1] - away[0] > 1e-6)  # not on a border
    inside = [place.name for place in NEIGHBOURHOODS if council(place).contains((east, north))]
    assert inside == [council_of((east, north))]


def test_the_file_has_all_councils_and_an_equity_area_that_was_one(tmp_path: Path) -> None:
    city = City(7, date(2026, 1, 5), 4)
    path = write_zones(city, tmp_path)
    zones = json.loads(path.read_text())["features"]
    kinds = [zone["properties"]["kind"] for zone in zones]
    assert (kinds.count("council"), kinds.count("equity_area")) == (8, 3)
    assert [zone["properties"]["name"] for zone in zones if zone["properties"].get("valid_to")] == [
        "Bairro Novo"
    ]
    first = path.read_bytes()
    assert write_zones(city, tmp_path).read_bytes() == first
