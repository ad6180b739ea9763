"""Oslo's real recording through the whole platform: every mart, every data test, every contract."""

import pytest

pytestmark = pytest.mark.real_data


def test_two_and_a_half_years_are_judged_and_published(real_data, new_workspace):
    space = new_workspace("oslo")
    for feed in ("station_information", "station_status"):
        space.run(
            "import", "gbfs", "--system", "oslo", "--feed", feed, "--timezone", "Europe/Oslo",
            str(real_data / "oslo" / f"{feed}.jsonl.zst"),
        )  # fmt: skip
    said = space.build()
    assert ", 0 failed, " in said
    assert "Published: generation 1" in said
    assert space.ask("select sum(observations) from fct_station_state") == [(4_594_368,)]
