"""The gate: what was not checked has not passed, and the reason is said."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from mobilake.settings import Settings
from mobilake.transform import Node, Transformed
from quality.gate import CONTRACTS, Check, Verdict, judge

COLUMNS = """
dataset: marts/gold/{mart}
columns:
  - name: name
    data_type: varchar
  - name: n
    data_type: integer
"""
SCHEMA = "checks:\n  - schema:\n"
AT_LEAST_2 = "    checks:\n      - invalid:\n          valid_min: 2\n"
WARN = "          threshold:\n            level: warn\n"


def ran(*nodes: Node) -> Transformed:
    return Transformed("run-1", nodes, 1.0, datetime(2026, 1, 5, tzinfo=UTC))


def node(kind: str, status: str, message: str = "") -> Node:
    return Node(f"{kind}.it", kind, "it", status, 0.1, message)


@pytest.fixture
def gated(settings: Settings) -> Settings:
    """Gold with the mart `good`, and a warehouse that holds one system back."""
    settings.home.mkdir()
    (settings.root / CONTRACTS).mkdir(parents=True)
    with duckdb.connect(str(settings.gold)) as connection:
        connection.execute("create schema gold.gold; use gold.gold")
        connection.execute("create table good (name varchar, n integer)")
        connection.execute("insert into good values ('a', 1), ('b', 2)")
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("create schema silver")
        held = "select 'bad' as system_id, 'no stations' as reason"
        connection.execute(f"create table {settings.gate.held} as {held}")
    return settings


Judge = Callable[[str | bytes], Verdict]


@pytest.fixture
def verdict_of(gated: Settings) -> Judge:
    """Judge the mart `good` by a contract of this text."""

    def under(contract: str | bytes) -> Verdict:
        text = contract if isinstance(contract, bytes) else contract.format(mart="good").encode()
        (gated.root / CONTRACTS / "good.yml").write_bytes(text)
        return judge(gated, ran(), ["good"])

    return under


def test_a_mart_that_keeps_its_contract_passes(verdict_of: Judge) -> None:
    verdict = verdict_of(COLUMNS + SCHEMA)
    assert verdict.passed
    assert verdict.checks == (Check("contract", "good schema", "passed"),)
    assert verdict.held == {"bad": "no stations"}
    assert str(verdict) == "1 checks passed, 1 held back"


@pytest.mark.parametrize(
    ("contract", "detail"),
    [
        (COLUMNS.replace("integer", "varchar"), "n is integer, not varchar"),
        (COLUMNS + "  - name: more\n    data_type: date\n", "more is missing"),
        (COLUMNS.partition("  - name: n\n")[0], "n is not in the contract"),
    ],
)
def test_other_columns_than_the_contract_s_fail(
    verdict_of: Judge, contract: str, detail: str
) -> None:
    verdict = verdict_of(contract + SCHEMA)
    assert verdict.of("failed") == [Check("contract", "good schema", "failed", detail)]


def test_values_out_of_range_fail(verdict_of: Judge) -> None:
    verdict = verdict_of(COLUMNS + AT_LEAST_2 + SCHEMA)
    assert [check.name for check in verdict.of("failed")] == ["good.n invalid"]
    assert "invalid_count 1" in verdict.of("failed")[0].detail


def test_a_warning_lets_pass(verdict_of: Judge) -> None:
    verdict = verdict_of(COLUMNS + AT_LEAST_2 + WARN + SCHEMA)
    assert verdict.passed
    assert [check.name for check in verdict.of("warned")] == ["good.n invalid"]


MALFORMED = {
    "no YAML": ("dataset: [", "YAML syntax error"),
    "empty": ("", "root must be an object"),
    "a list": ("- 1", "root must be an object"),
    "no text": (b"\xff\xfe\x00", "can't decode byte"),
    "no columns": ("dataset: marts/gold/{mart}", "missing the required 'columns' property"),
    "no checks": (COLUMNS, "it checks nothing"),
    "an unknown check": (COLUMNS + SCHEMA + "  - schemas:\n", "Invalid check type 'schemas'"),
    "a check of two types": (COLUMNS + SCHEMA + "    x: 1\n", "Checks require 1 key"),
    "another data source": (COLUMNS.replace("marts/", "mart/") + SCHEMA, "'mart' not found"),
    "another mart": (COLUMNS.replace("{mart}", "none") + SCHEMA, "is not about this mart|none"),
    "a name in two parts": (COLUMNS.replace("/gold", "") + SCHEMA, "not about this mart"),
    "a name in four parts": (COLUMNS.replace("/gold", "/a/gold") + SCHEMA, "not evaluated"),
    "a check that cannot run": (
        COLUMNS + SCHEMA + "  - failed_rows:\n      expression: nonsense > 1\n",
        "not evaluated",
    ),
}


@pytest.mark.parametrize(("contract", "reason"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_contract_that_judges_nothing_fails_with_its_reason(
    verdict_of: Judge, contract: str | bytes, reason: str
) -> None:
    verdict = verdict_of(contract)
    assert not verdict.passed
    assert any(part in check.detail for check in verdict.of("failed") for part in reason.split("|"))


def test_every_mart_needs_a_contract_and_a_table(gated: Settings) -> None:
    contract = (COLUMNS + SCHEMA).format(mart="gone")
    (gated.root / CONTRACTS / "gone.yml").write_text(contract)
    failed = judge(gated, ran(), ["good", "gone"]).of("failed")
    assert str(failed[-1]) == "good (it has none: write quality/contracts/good.yml)"
    assert "Table with name gone does not exist" in failed[0].detail
    assert Check("contract", "gone schema", "failed", "not evaluated") in failed


def test_soda_says_nothing_by_itself(
    verdict_of: Judge, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    verdict_of("dataset: [")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize(
    ("kind", "status", "outcome"),
    [
        ("test", "pass", "passed"),
        ("unit_test", "pass", "passed"),
        ("test", "warn", "warned"),
        ("test", "fail", "failed"),
        ("unit_test", "fail", "failed"),
        ("test", "error", "failed"),
        ("model", "error", "failed"),
        ("seed", "error", "failed"),
    ],
)
def test_results_of_dbt_count(gated: Settings, kind: str, status: str, outcome: str) -> None:
    verdict = judge(gated, ran(node(kind, status, "Failure in it\n  Got 2 results\n")), [])
    detail = "" if outcome == "passed" else "Got 2 results"
    assert verdict.checks == (Check("dbt", "it", outcome, detail),)
    assert verdict.passed == (outcome != "failed")


def test_after_a_failure_of_dbt_no_contract_is_asked(gated: Settings, tmp_path: Path) -> None:
    verdict = judge(gated, ran(node("model", "error", "x"), node("model", "success")), ["good"])
    assert [check.kind for check in verdict.checks] == ["dbt"]
    assert verdict.held == {}
