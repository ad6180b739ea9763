"""What cancels out between two polls: the seed is what its formula gives, and that is right."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SEEDS = Path(__file__).parents[2] / "seeds"


@pytest.fixture(scope="module")
def netting() -> ModuleType:
    found = importlib.util.spec_from_file_location("flow_netting", SEEDS / "flow_netting.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_seed_is_what_the_formula_gives(netting):
    with (SEEDS / "flow_netting.csv").open(encoding="utf-8") as text:
        written = [
            (int(step), int(drift) / 10, float(ratio))
            for step, drift, ratio in list(csv.reader(text))[1:]
        ]
    assert written == netting.rows()


@pytest.mark.parametrize(("departures", "arrivals"), [(0.05, 0.05), (0.5, 0.2), (3.0, 2.0)])
def test_riders_drawn_by_chance_lose_what_the_formula_says(netting, departures, arrivals):
    chance = np.random.default_rng(1)
    left, came = (chance.poisson(mean, 2_000_000) for mean in (departures, arrivals))
    seen_left, seen_came = (np.maximum(one, 0).mean() for one in (left - came, came - left))
    turnover, drift = seen_left + seen_came, abs(seen_left - seen_came) / (seen_left + seen_came)
    unseen = netting.unseen_ratio(turnover, drift) * seen_left * seen_came
    assert seen_left + unseen == pytest.approx(departures, rel=0.01)
    assert seen_came + unseen == pytest.approx(arrivals, rel=0.01)
