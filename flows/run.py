"""Ingest and build: the flow behind `mobilake run`."""

from __future__ import annotations

from datetime import UTC, datetime
from logging import Logger, LoggerAdapter
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from ingestion.lake import Lake
from ingestion.source import Context, load_sources
from mobilake import steps
from mobilake.console import say
from mobilake.settings import Settings, load
from mobilake.steps import Built
from mobilake.transform import Transformed
from quality.gate import Verdict
from serving.publish import Publication


@flow(name="mobilake-run", persist_result=False, validate_parameters=False)
def mobilake_run() -> Built:
    """Pull every source once, build what has landed, publish it."""
    context = _context(load())
    landed = [_ingest(context, name).result() for name in load_sources(context.settings)]
    with steps.building(context.settings):
        transformed: Transformed = _transform(context).result()
        verdict: Verdict = _judge(context, transformed).result()
        publication: Publication = _publish(context, transformed, verdict).result()
    built = Built(transformed, verdict, publication)
    create_markdown_artifact(
        key="mobilake-run",
        description=f"What {publication} holds",
        markdown=_markdown(context.settings, built, [str(one) for one in landed]),
    )
    return built


@task(task_run_name="ingest-{name}", persist_result=False)
def _ingest(context: Context, name: str) -> State[Any]:
    landed = steps.ingest(context, load_sources(context.settings)[name])
    return _done("ingest", landed)


@task(task_run_name="transform", persist_result=False)
def _transform(context: Context) -> State[Any]:
    logger = get_run_logger()  # taken here: dbt reports from threads of its own
    transformed = steps.transform_landed(context.settings, lambda line: _tell(line, logger))
    return _done("transform", transformed)


@task(task_run_name="judge", persist_result=False)
def _judge(context: Context, transformed: Transformed) -> State[Any]:
    verdict = steps.judge(context.settings, transformed)
    return _done("gate", verdict)


@task(task_run_name="publish", persist_result=False)
def _publish(context: Context, transformed: Transformed, verdict: Verdict) -> State[Any]:
    publication = steps.publish(context, transformed, verdict)
    return _done("published", publication)


def _done(step: str, result: object) -> State[Any]:
    """End a task with its counts as the state's message, which Prefect's pages show."""
    _tell(f"{step}: {result}", get_run_logger())
    return Completed(message=str(result), data=result)


def _tell(line: str, logger: Logger | LoggerAdapter[Logger]) -> None:
    say(line)
    logger.info(line)


def _context(settings: Settings) -> Context:
    def clock() -> datetime:
        return datetime.now(UTC)

    return Context(settings, Lake(settings.lake, clock), clock)


def _markdown(settings: Settings, built: Built, landed: list[str]) -> str:
    rows = [
        f"| {item} | {value:,} | {new:+,} |"
        for _, item, value, new in steps.summary(settings, built.publication)
    ]
    return "\n".join(
        [
            f"## {str(built.publication).capitalize()}",
            *(f"- landed: {line}" for line in landed),
            f"- transform: {built.transformed}",
            f"- gate: {built.verdict}",
            "",
            "| | in all | new |",
            "|---|---:|---:|",
            *rows,
        ]
    )
