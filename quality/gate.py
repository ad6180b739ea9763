"""The gate: invariants block, findings do not, a severe finding holds its subject back alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from mobilake.settings import Settings
from mobilake.transform import Node, Transformed

Outcome = Literal["passed", "warned", "failed"]
CONTRACTS = Path("quality/contracts")
MARTS_SCHEMA = "gold"


@dataclass(frozen=True)
class Check:
    """One thing that was checked, of which `kind` says by whom: `dbt` or `contract`."""

    kind: str
    name: str
    outcome: Outcome
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.detail})" if self.detail else self.name


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a build.

    Attributes:
        held: who is held back, and why; their readers stay on the generation before.
    """

    checks: tuple[Check, ...]
    held: dict[str, str]

    def of(self, outcome: Outcome) -> list[Check]:
        """Return the checks that ended so."""
        return [check for check in self.checks if check.outcome == outcome]

    @property
    def passed(self) -> bool:
        """Whether the build may be published."""
        return not self.of("failed")

    def __str__(self) -> str:
        counts = [f"{len(self.of('passed'))} checks passed"]
        counts += [f"{len(self.of(o))} {o}" for o in ("warned", "failed") if self.of(o)]  # type: ignore[arg-type]
        counts += [f"{len(self.held)} held back"] if self.held else []
        return ", ".join(counts)


def judge(settings: Settings, run: Transformed, marts: Iterable[str]) -> Verdict:
    """Judge a build by dbt's tests and by the contract of every mart.

    Args:
        marts: the names of the models that are published.
    """
    checks = [*_invariants(run.nodes)]
    if not any(check.outcome == "failed" for check in checks):
        checks += _contracts(settings, marts)
    return Verdict(tuple(checks), {} if run.failures else _held(settings))


def _invariants(nodes: Iterable[Node]) -> Iterator[Check]:
    for node in nodes:
        detail = node.reason if node.failed or node.status == "warn" else ""
        outcome: Outcome = (
            "failed" if node.failed else "warned" if node.status == "warn" else "passed"
        )
        if node.kind in ("test", "unit_test") or outcome != "passed":
            yield Check("dbt", node.name, outcome, detail)


def _contracts(settings: Settings, marts: Iterable[str]) -> Iterator[Check]:
    """Verify each mart's contract; a check that was not evaluated has not passed."""
    with _quiet_soda(), _open_gold(settings) as connection:
        for mart in sorted(marts):
            file = settings.root / CONTRACTS / f"{mart}.yml"
            if not file.is_file():
                yield Check(
                    "contract", mart, "failed", f"it has none: write {CONTRACTS / file.name}"
                )
                continue
            yield from _verify(connection, mart, file)


def _verify(connection: duckdb.DuckDBPyConnection, mart: str, file: Path) -> Iterator[Check]:
    from soda_core.common.exceptions import SodaCoreException
    from soda_core.contracts import verify_contract_locally
    from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

    source = DuckDBDataSourceImpl.from_existing_cursor(connection, name="marts")
    try:
        session = verify_contract_locally(data_sources=[source], contract_file_path=str(file))
    except (SodaCoreException, UnicodeDecodeError) as error:
        yield Check("contract", mart, "failed", str(error))
        return
    dataset = f"marts/{MARTS_SCHEMA}/{mart}"
    named = {one.contract.soda_qualified_dataset_name for one in session.results if one.contract}
    if session.has_errors:
        yield Check("contract", mart, "failed", _first_line(session.get_errors_str()))
    elif named != {dataset}:
        yield Check("contract", mart, "failed", f"it is not about this mart: write {dataset}")
    elif not session.number_of_checks:
        yield Check("contract", mart, "failed", "it checks nothing")
    for result in session.contract_verification_results:
        for check in result.check_results:
            outcome: Outcome = (
                "passed" if check.is_passed else "warned" if check.is_warned else "failed"
            )
            place = f"{mart}.{check.check.column_name}" if check.check.column_name else mart
            yield Check(
                "contract", f"{place} {check.check.type}", outcome, _measured(check, outcome)
            )


def _measured(check: Any, outcome: Outcome) -> str:
    if outcome == "passed":
        return ""
    if check.is_not_evaluated:
        return "not evaluated"
    if check.check.type == "schema":
        return "; ".join(_differences(check))
    values = check.diagnostic_metric_values or {}
    measured = {name: value for name, value in values.items() if "tested" not in name}
    return ", ".join(f"{name} {value}" for name, value in (measured or values).items())


def _differences(check: Any) -> Iterator[str]:
    """Tell how a mart's columns differ from its contract's."""
    for name in check.expected_column_names_not_actual:
        yield f"{name} is missing"
    for name in check.actual_column_names_not_expected:
        yield f"{name} is not in the contract"
    for other in check.column_data_type_mismatches:
        yield f"{other.column} is {other.actual_data_type}, not {other.expected_data_type}"
    if check.are_columns_out_of_order:
        yield "the columns stand in another order"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _held(settings: Settings) -> dict[str, str]:
    if not settings.gate.held:
        return {}
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        rows = connection.execute(
            f"select {settings.gate.held_by}, reason from {settings.gate.held} order by 1"
        ).fetchall()
    return {str(who): str(why) for who, why in rows}


@contextmanager
def _open_gold(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{settings.gold}' as marts (read_only)")
        connection.execute(f"use marts.{MARTS_SCHEMA}")
        yield connection


@contextmanager
def _quiet_soda() -> Iterator[None]:
    """Soda reports at length through logging; what matters of it stands in the verdict.

    Its records are kept from the handlers that were there, not from being made: Soda learns of a
    contract's mistakes from its own log.
    """
    handlers = [one for one in logging.root.handlers if not _is_of_soda(type(one).__module__)]
    for handler in handlers:
        handler.addFilter(_not_of_soda)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(_not_of_soda)


def _not_of_soda(record: logging.LogRecord) -> bool:
    return not _is_of_soda(record.name)


def _is_of_soda(name: str) -> bool:
    return name.split(".")[0] in ("soda", "soda_core")
