"""dbt, run in this process: `dbt build` and what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mobilake.errors import MobilakeError, explain
from mobilake.settings import Settings

QUIET = ("--log-level=none", "--no-use-colors")
UNTESTED = ("--exclude-resource-type", "unit_test")
"""Unit tests judge the code on made-up rows: `dbt build` and `make test` run them, not a run."""
WITHOUT_TESTS = ("--exclude-resource-type", "test")
MORE_LANDED = "more_landed"
"""What a model says that left some of what has landed for another round (`newly_landed`)."""


@dataclass(frozen=True)
class Node:
    """The result of one dbt node."""

    unique_id: str
    kind: str
    name: str
    status: str
    seconds: float
    message: str

    @property
    def failed(self) -> bool:
        """Whether the node stands in the way of publication."""
        return self.status in ("error", "fail", "runtime error")

    @property
    def reason(self) -> str:
        """What dbt says of it, in a line."""
        return _told(self.message)


@dataclass(frozen=True)
class Transformed:
    """What `dbt build` did.

    Attributes:
        invocation_id: dbt's name of the run; the artifacts bear it.
        nodes: all that ran, in the order of ending.
        started_at: what had landed by then has been read; aware UTC.
        has_more: whether more has landed than was read.
    """

    invocation_id: str
    nodes: tuple[Node, ...]
    seconds: float
    started_at: datetime
    has_more: bool = False

    def and_then(self, later: Transformed) -> Transformed:
        """Return both as one run: of a node that ran in both, the later result counts."""
        nodes = {node.unique_id: node for node in (*self.nodes, *later.nodes)}
        seconds = self.seconds + later.seconds
        return replace(later, nodes=tuple(nodes.values()), seconds=seconds)

    @property
    def failures(self) -> list[Node]:
        """The nodes that failed."""
        return [node for node in self.nodes if node.failed]

    def __str__(self) -> str:
        models = sum(node.kind == "model" for node in self.nodes)
        tests = sum(node.kind in ("test", "unit_test") for node in self.nodes)
        return f"{models} models, {tests} tests, {len(self.failures)} failed, {self.seconds:.0f} s"


def build_landed(
    settings: Settings,
    report: Callable[[str], None] = lambda line: None,
    arguments: tuple[str, ...] = (),
) -> Transformed:
    """Run `dbt build` on all that has landed, in as many rounds as that takes.

    The first round has the data tests; if it left something, so has the last one.

    Args:
        report: is told of every model as it ends.
        arguments: further ones of dbt's, such as `--full-refresh`.

    Raises:
        MobilakeError: as for `dbt_build`.
    """
    run = dbt_build(settings, report, arguments)
    if run.failures or not run.has_more:
        return run
    further = tuple(word for word in arguments if word != "--full-refresh")
    while run.has_more and not run.failures:
        report("more has landed than is read at once: another round")
        run = run.and_then(dbt_build(settings, report, (*further, *WITHOUT_TESTS)))
    if run.failures or all(word in arguments for word in WITHOUT_TESTS):
        return run
    return run.and_then(dbt_build(settings, report, further))


def dbt_build(
    settings: Settings,
    report: Callable[[str], None] = lambda line: None,
    arguments: tuple[str, ...] = (),
) -> Transformed:
    """Run `dbt build` and return the result of every node; a failed test is not an exception.

    Args:
        report: is told of every model as it ends.
        arguments: further ones of dbt's, such as `--full-refresh`.

    Raises:
        MobilakeError: dbt could not start: nothing has landed, or the project is broken.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    started = time.monotonic()
    left: list[str] = []
    runner = dbtRunner(callbacks=[_follow(report, left.append)])
    try:
        outcome = runner.invoke(
            [*QUIET, "build", *_places(settings, settings.artifacts), *UNTESTED, *arguments]
        )
    finally:
        # or the files stay open in this process
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if outcome.result is None or not hasattr(outcome.result, "results"):
        cause = outcome.exception
        raise MobilakeError((explain(cause) if cause else None) or _told(cause)) from cause
    nodes = tuple(
        Node(
            result.node.unique_id,
            str(result.node.resource_type),
            result.node.name,
            str(result.status),
            result.execution_time,
            str(result.message or ""),
        )
        for result in outcome.result.results
    )
    hooks = [node for node in nodes if node.kind == "operation" and node.failed]
    if hooks:
        raise MobilakeError(hooks[0].reason)
    told = json.loads((settings.artifacts / "run_results.json").read_text())["metadata"]
    started_at = datetime.fromisoformat(told["invocation_started_at"])
    seconds = time.monotonic() - started
    return Transformed(told["invocation_id"], nodes, seconds, started_at, bool(left))


def dbt_compile(settings: Settings, target: str, select: str, folder: Path) -> dict[str, Any]:
    """Compile models for a target, and return the manifest that has their SQL; nothing is built.

    Args:
        select: which models, in dbt's words.
        folder: where dbt leaves its artifacts.

    Raises:
        MobilakeError: the project is broken.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    arguments = ["compile", "--target", target, "--select", select, *_places(settings, folder)]
    try:
        outcome = dbtRunner().invoke([*QUIET, *arguments])
    finally:
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if not outcome.success:
        raise MobilakeError(
            f"The models for the target {target} cannot be compiled: {_told(outcome.exception)}"
        )
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def manifest(settings: Settings) -> dict[str, Any]:
    """Return dbt's manifest of the last run."""
    path = settings.artifacts / "manifest.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _places(settings: Settings, folder: Path) -> list[str]:
    places = {
        "project-dir": settings.root,
        "profiles-dir": settings.root,
        "target-path": folder,
        "log-path": folder,
    }
    return [f"--{name}={place}" for name, place in places.items()]


def _follow(report: Callable[[str], None], leave: Callable[[str], None]) -> Callable[[Any], None]:
    def callback(event: Any) -> None:
        if event.info.name == "LogModelResult":
            node = event.data
            report(f"{node.node_info.node_name}: {node.status} ({node.execution_time:.1f} s)")
        elif event.info.name == "JinjaLogInfo" and event.data.msg == MORE_LANDED:
            leave(event.data.msg)

    return callback


def _told(message: object) -> str:
    """Return what a message of dbt says, without its heading and the macros it went through."""
    lines = [line.strip() for line in str(message).splitlines()]
    lines = [line for line in lines if line and not line.startswith(">")]
    return " ".join(lines[1:3] if len(lines) > 1 else lines) or "see dbt.log"
