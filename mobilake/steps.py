"""The steps of a run, each with a result that tells its counts. Flows and commands call these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb

from ingestion import erasure as erasing
from ingestion.erasure import Sought
from ingestion.privacy import RESTRICTED
from ingestion.source import Context, Source
from mobilake import transform
from mobilake.console import say, table
from mobilake.errors import MobilakeError
from mobilake.locks import alone
from mobilake.secrets import pseudonym_keys
from mobilake.settings import Settings
from mobilake.transform import Transformed
from quality import gate
from quality.gate import MARTS_SCHEMA, Verdict
from serving import prove as proving
from serving import publish as publishing
from serving.notices import NOTICE
from serving.prove import Poll
from serving.publish import Publication

if TYPE_CHECKING:
    from ingestion.pipeline import Landed

Report = Callable[[str], None]
SHOWN = 5
"""Polls of a trail that are printed, from each end and of those whose bytes are not there."""


@dataclass(frozen=True)
class Built:
    """What a build came to."""

    transformed: Transformed
    verdict: Verdict
    publication: Publication


def chosen(sources: dict[str, Source], names: list[str]) -> list[Source]:
    """Return the sources of these names; all of them for none.

    Raises:
        MobilakeError: a name is not a source's.
    """
    unknown = [name for name in names if name not in sources]
    if unknown:
        raise MobilakeError(
            f"No source is called {unknown[0]!r}: mobilake.toml names {', '.join(sources)}."
        )
    return [sources[name] for name in names or sources]


def ingest(context: Context, source: Source) -> Landed:
    """Pull a source once."""
    from ingestion import pipeline  # here, because dlt takes two seconds

    return pipeline.ingest(context, source)


def build(context: Context, report: Report, full_refresh: bool = False) -> Built:
    """Transform, judge, publish.

    Args:
        report: is told of every model and step as it ends.
        full_refresh: whether all is built anew from the lake.

    Raises:
        MobilakeError: nothing has landed, or the gate let nothing through.
        TransientError: another build is under way.
    """
    with building(context.settings):
        transformed = transform_landed(context.settings, report, full_refresh)
        report(f"transform: {transformed}")
        verdict = judge(context.settings, transformed)
        report(f"gate: {verdict}")
        publication = publish(context, transformed, verdict)
        report(f"published: {publication}")
    return Built(transformed, verdict, publication)


def building(settings: Settings) -> AbstractContextManager[None]:
    """Hold the lock of builds: the warehouse has one writer, from dbt to publication."""
    return alone(settings.home / "locks" / "build.lock", "build")


def transform_landed(settings: Settings, report: Report, full_refresh: bool = False) -> Transformed:
    """Run dbt on what has landed since the last build, or on all of it."""
    return transform.build_landed(settings, report, ("--full-refresh",) if full_refresh else ())


def judge(settings: Settings, transformed: Transformed) -> Verdict:
    """Put a build before the gate."""
    return gate.judge(settings, transformed, _marts(settings))


def publish(context: Context, transformed: Transformed, verdict: Verdict) -> Publication:
    """Publish a build that passed the gate.

    Raises:
        MobilakeError: it did not; readers stay on the generation they have.
    """
    if not verdict.passed:
        raise MobilakeError(_refusal(context.settings, verdict))
    holdable = [name for name, meta in _marts(context.settings).items() if meta.get("holdable")]
    return publishing.publish(context.settings, verdict, transformed, holdable, context.clock())


def maintain(context: Context, sources: Iterable[Source]) -> Iterator[str]:
    """Merge the small files of each raw table, remove what is to be kept no longer; yield counts.

    A day goes once no build can need it any more: it was published after it was over.

    Raises:
        MobilakeError: days are set for a table whose rows do not age.
        TransientError: another process maintains the lake.
    """
    chosen, lake = context.settings.maintenance, context.lake
    tables = {table.name: table for source in sources for table in source.tables}
    if lake.is_there(NOTICE):
        tables[NOTICE.name] = NOTICE
    aging = sorted(name for name, table in tables.items() if table.may_age)
    wrong = [name for name in chosen.keep_days if name not in aging]
    if wrong:
        raise MobilakeError(
            f"[maintenance] keep_days names {wrong[0]!r}, whose rows do not age: those of "
            f"{', '.join(aging)} do. Models read other raw tables whole, in each build."
        )
    lake.expire(RESTRICTED, context.settings.privacy.restricted_days)
    published_at = publishing.published_at(context.settings)
    with alone(context.settings.home / "locks" / "maintain.lock", "maintain"):
        for name, table in sorted(tables.items()):
            gone = 0
            if name in chosen.keep_days and published_at:
                aged = (context.clock() - timedelta(days=chosen.keep_days[name])).date()
                gone = lake.drop_days(table, min(aged, published_at.date() - timedelta(days=1)))
            before, after = lake.compact(table)
            swept = lake.sweep(table, chosen.keep_files_days)
            yield (
                f"{name}: {before:,} files are {after:,} now, {swept:,} old ones removed"
                + (f", {gone:,} rows kept no longer" if gone else "")
            )


def summary(settings: Settings, publication: Publication) -> list[tuple[str, str, int, int]]:
    """Return what a generation holds: section, item, value, and how much of it is new in it."""
    if settings.publication.summary is None:
        return []
    query = (settings.root / settings.publication.summary).read_text(encoding="utf-8")
    now = _ask(publication.file, query)
    before = _ask(publication.previous, query) if publication.previous else {}
    return [
        (section, item, value, value - before.get((section, item), 0))
        for (section, item), value in now.items()
    ]


def show(settings: Settings, built: Built) -> None:
    """Print the short table that a run ends with, and where to look next."""
    rows = [
        (section, item, f"{value:,}", f"{new:+,}" if new else "–")
        for section, item, value, new in summary(settings, built.publication)
    ]
    say("")
    table(("", "", "in all", "new"), rows, title=f"Published: {built.publication}")
    for who, why in built.publication.held.items():
        say(f"Held back: {who} ({why}); its readers keep what they had.")
    say("")
    say(f"The marts: {settings.marts} (schema {MARTS_SCHEMA}), for any tool that opens DuckDB.")
    say("Next: README.md says how to open them from a BI tool; `make docs` describes them.")


def prove(context: Context, sources: list[Source], words: Sequence[str]) -> None:
    """Recompute a published row from raw, print the trail, and write it to the home.

    Raises:
        MobilakeError: no row is named so, or what came out is not what was published.
    """
    tables = {table.name: table for source in sources for table in source.tables}
    with building(context.settings):
        proof = proving.prove(context, list(tables.values()), words, say)
    say("")
    say(proof.rule)
    say("")
    shown = [poll for poll in proof.polls if poll.hash_holds is not True]
    shown = sorted({*proof.polls[:SHOWN], *proof.polls[-SHOWN:], *shown[:SHOWN]}, key=_moment)
    table(
        ("poll", "at (UTC)", "answer", "sha256 of the bytes received", "bytes kept"),
        [
            (
                poll.name,
                poll.at,
                str(poll.error or poll.status or "recorded"),
                (poll.sha256 or "–")[:16],
                _bytes_kept(poll),
            )
            for poll in shown
        ],
        title=f"{len(proof.polls):,} polls"
        + (", the ends of them" if shown != list(proof.polls) else ""),
    )
    again = proof.recomputed or {}
    table(
        ("", "published", "recomputed"),
        [
            (f"{key} *" if key == proof.metric else key, str(value), str(again.get(key, "–")))
            for key, value in proof.claimed.items()
        ],
        title=f"{proof.mart}, generation {proof.generation}",
    )
    say(
        f"Lake version {proof.lake_version}; published with {proof.published_with}, "
        f"recomputed with {proof.code_version}."
    )
    say(f"The whole trail: {proving.write(proof, context.settings.home / 'evidence')}")
    if not proof.holds:
        raise MobilakeError(
            f"Not proved: {len(proof.differences)} values came out otherwise, and "
            f"{len(proof.broken)} bodies are not the bytes received. If a model or the lake has "
            "changed since, `mobilake build --full-refresh` publishes what follows from them now."
        )
    say("Proved: the same comes out of the same bytes.")


def erase(
    context: Context,
    sources: list[Source],
    names: Iterable[str],
    system: str | None,
    are_pseudonyms: bool,
    report: Report,
) -> bool:
    """Take people or devices out of all that is kept; say whether a build is to follow.

    What was built goes as well: the next build makes it anew from the lake, and publishing it
    removes the generations before it. A process killed at any point leaves the same to be done.

    Args:
        names: ids as their source gave them, or pseudonyms.

    Raises:
        MobilakeError: no name is given, or the system is needed and not given.
        TransientError: another process builds, maintains or ingests.
    """
    from ingestion import pipeline  # here, because dlt takes two seconds

    settings = context.settings
    keys = pseudonym_keys(settings.home)
    scope = (settings.privacy.scope, system) if system and settings.privacy.scope else None
    sought = Sought.by_id(names, keys, scope)
    if are_pseudonyms:
        sought = replace(sought, ids=frozenset(), pseudonyms=sought.ids)
    if not sought.pseudonyms:
        raise MobilakeError("Nobody to erase was named: give ids, or write them to the input.")
    tables = {table.name: table for source in sources for table in source.tables}
    locks = settings.home / "locks"
    with ExitStack() as held:
        held.enter_context(building(settings))
        held.enter_context(alone(locks / "maintain.lock", "maintain"))
        for source in sources:
            held.enter_context(pipeline.ingesting(context, source))
            pipeline.clear(context, source)
        was_pending = settings.erasure_pending.exists()
        settings.erasure_pending.touch()
        erased = erasing.erase(context.lake, tables.values(), sought, report)
        if not was_pending and not any(one.rows for one in erased):
            settings.erasure_pending.unlink()
            return False
        for file in (settings.warehouse, settings.gold):
            file.unlink(missing_ok=True)
            file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
        for trail in (settings.home / "evidence").glob("*.json"):
            if sought.is_in(trail.read_text(encoding="utf-8", errors="replace")):
                trail.unlink()
    return True


def _bytes_kept(poll: Poll) -> str:
    if poll.is_erased and not poll.hash_holds:
        return "changed by an erasure"
    return {True: "the same", False: "DIFFERENT", None: "none"}[poll.hash_holds]


def _moment(poll: Poll) -> str:
    return poll.at


def _marts(settings: Settings) -> dict[str, dict[str, object]]:
    """Return the published models and what is said of them in `meta`."""
    return {
        node["name"]: node["config"].get("meta", {})
        for node in transform.manifest(settings)["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == MARTS_SCHEMA
    }


def _refusal(settings: Settings, verdict: Verdict) -> str:
    failed = verdict.of("failed")
    shown = publishing.current(settings)
    stay = f"readers stay on {shown.name}" if shown else "nothing is published yet"
    first = "; ".join(str(check) for check in failed[:3])
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    return (
        f"Not published, {stay}: {first}{more}. "
        f"Mend the model or the contract ({settings.artifacts / 'dbt.log'} has all), "
        "then `mobilake build`; after a change of a model, `mobilake build --full-refresh`."
    )


def _ask(file: object, query: str) -> dict[tuple[str, str], int]:
    with duckdb.connect(str(file), read_only=True) as connection:
        try:
            rows = connection.execute(query).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):
            return {}  # an older generation may lack what is asked for
    return {(str(section), str(item)): int(value) for section, item, value in rows}
