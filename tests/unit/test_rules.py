"""The catalogue of rules: each has its example, reason and remedy, and a model that judges it."""

import csv
import re
from pathlib import Path

import pytest

from quality.rules import page

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rules() -> list[dict[str, str]]:
    with (ROOT / "seeds" / "quality_rules.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_rule_is_there(rules):
    assert [rule["rule_id"] for rule in rules] == [f"R{number}" for number in range(1, 41)]


def test_every_rule_is_judged_by_a_model(rules):
    models = "".join(
        file.read_text(encoding="utf-8")
        for file in (ROOT / "models" / "intermediate").glob("*/*.sql")
    )
    judged = set(re.findall(r"'(R\d+)'", models))
    assert judged == {rule["rule_id"] for rule in rules}


def test_the_page_tells_each_rule_with_its_example_reason_and_remedy(rules):
    written = page(rules)
    for rule in rules:
        assert f"## {rule['rule_id']} {rule['rule_name']}" in written
        for part in ("rule", "example", "reason", "remedy"):
            assert rule[part]
            assert rule[part] in written
    assert "severe from 50 % of a day's polls on" in written
