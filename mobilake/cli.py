"""The command line: thin over the steps, and the one place where an error becomes a sentence.

Commands import what they need when they run: dlt, dbt and Prefect take seconds each.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from ingestion.lake import Lake
from ingestion.source import Context, Source, load_sources
from mobilake.console import complain, say
from mobilake.errors import MobilakeError, explain
from mobilake.settings import load, share_with_libraries

LOG_LEVEL = "MOBILAKE_LOG_LEVEL"


def main() -> None:
    """Run a command; a user's mistake ends with one sentence and exit code 1."""
    try:
        _log_to_console()
        settings = load()
        share_with_libraries(settings)
        sources = load_sources(settings)
        context = Context(settings, Lake(settings.lake, _now), _now)
        application(context, sources)(obj=context)
    except KeyboardInterrupt:
        complain("Stopped. Run the same command again to go on.")
        sys.exit(130)
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        complain(sentence)
        sys.exit(1)


def application(context: Context, sources: dict[str, Source]) -> typer.Typer:
    """Return the command line: the platform's commands and those of the sources."""
    app = typer.Typer(
        help="Mobilake: from GBFS feeds to published marts.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    groups: dict[str, typer.Typer] = {}
    for source in sources.values():
        for words, command in source.commands.items():
            group, _, name = words.partition(" ")
            if group not in groups:
                groups[group] = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
                app.add_typer(groups[group], name=group, help=f"{group.capitalize()} …")
            groups[group].command(name)(command)

    @app.command()
    def ingest(
        names: Annotated[
            list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Default: all.")
        ] = None,
    ) -> None:
        """Pull sources once and land what they give."""
        from mobilake import steps

        for source in steps.chosen(sources, names or []):
            say(str(steps.ingest(context, source)))

    @app.command()
    def poll(
        every: Annotated[
            int | None,
            typer.Option(min=1, max=86400, help="Seconds between two polls of real-time feeds."),
        ] = None,
    ) -> None:
        """Poll all sources, each feed at its own pace, until told to stop (Ctrl-C, SIGTERM)."""
        from ingestion import service

        logging.getLogger("ingestion").setLevel(os.environ.get(LOG_LEVEL, "INFO").upper())
        say(str(service.run(context, list(sources.values()), every)))

    @app.command()
    def stream(
        accept_loss: Annotated[
            bool,
            typer.Option("--accept-loss", help="Go on after what Kafka deleted before it came."),
        ] = False,
    ) -> None:
        """Take in what is sent by HTTP, Kafka and MQTT, until told to stop (Ctrl-C, SIGTERM)."""
        from ingestion.stream import service

        logging.getLogger("ingestion").setLevel(os.environ.get(LOG_LEVEL, "INFO").upper())
        service.run(context, list(sources.values()), accept_loss)
        say("Stopped: all that was accepted has landed.")

    @app.command()
    def serve() -> None:
        """Serve the present: what was published and what landed since, until told to stop."""
        from serving.live import server

        logging.getLogger("serving").setLevel(os.environ.get(LOG_LEVEL, "INFO").upper())
        server.run(context, list(sources.values()))

    @app.command()
    def redrive() -> None:
        """Try the dead letters of the stream again, after what rejected them was mended."""
        from ingestion.stream.redrive import redrive
        from ingestion.stream.service import intake_of
        from mobilake.locks import alone

        with alone(context.settings.home / "locks" / "redrive.lock", "redrive"):
            intake = intake_of(list(sources.values()))
            say(str(redrive(context, intake, lambda done, of: say(f"{done:,} of {of:,} read"))))

    @app.command()
    def maintain() -> None:
        """Merge the small files of the lake; remove what is to be kept no longer."""
        from mobilake import steps

        for line in steps.maintain(context, list(sources.values())):
            say(line)

    @app.command()
    def build(
        full_refresh: Annotated[
            bool, typer.Option("--full-refresh", help="Build all anew from the lake.")
        ] = False,
    ) -> None:
        """Transform what has landed, judge it, publish it."""
        from mobilake import steps

        steps.show(context.settings, steps.build(context, say, full_refresh))

    @app.command()
    def prove(
        words: Annotated[
            list[str],
            typer.Argument(
                metavar="ID | METRIC NAME...",
                help="A row by its id; or a mart or a column of it, and what names the row.",
            ),
        ],
    ) -> None:
        """Recompute one published row from the raw bytes it rests on, and print the trail."""
        from mobilake import steps

        steps.prove(context, list(sources.values()), words)

    @app.command()
    def erase(
        ids: Annotated[
            list[str] | None,
            typer.Argument(metavar="[ID]...", help="Default: the lines of the input."),
        ] = None,
        system: Annotated[
            str | None, typer.Option(help="The system that the ids are of; without it, all.")
        ] = None,
        pseudonyms: Annotated[
            bool, typer.Option("--pseudonyms", help="What is given are pseudonyms.")
        ] = False,
        no_build: Annotated[
            bool, typer.Option("--no-build", help="Leave it to the next `mobilake build`.")
        ] = False,
    ) -> None:
        """Take a person or device out of all that is kept, by the id that the source uses."""
        from mobilake import steps

        names = ids or sys.stdin.read().splitlines()
        if not steps.erase(context, list(sources.values()), names, system, pseudonyms, say):
            say("None of them was found in the lake, under any key that is known.")
        elif no_build:
            say("What was built is gone: `mobilake build` makes it anew, for readers too.")
        else:
            steps.show(context.settings, steps.build(context, say))

    app.add_typer(_keys(context), name="keys", help="The key of the pseudonyms, in versions.")

    @app.command()
    def run() -> None:
        """Ingest and build, as a Prefect flow."""
        from flows.run import mobilake_run
        from mobilake import steps

        steps.show(context.settings, mobilake_run())

    return app


def _keys(context: Context) -> typer.Typer:
    from mobilake import keys
    from mobilake.secrets import pseudonym_keys

    home = context.settings.home
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

    @group.command("list")
    def show() -> None:
        """Say which versions there are."""
        *old, latest = pseudonym_keys(home)
        for key in old:
            say(f"version {key.version}: old; its pseudonyms can still be found")
        say(f"version {latest.version}: in use")

    @group.command()
    def rotate() -> None:
        """Make a new version; what lands from now on is pseudonymised with it."""
        say(
            f"Version {keys.rotate(home).version} is in use from now on; a polling service takes "
            "it up within a minute or so. Make a copy of secrets/pseudonym.key."
        )

    @group.command()
    def drop(version: Annotated[int, typer.Argument(min=1)]) -> None:
        """Forget an old version: nobody can tell then whose its pseudonyms were."""
        keys.drop(home, version)
        say(f"Version {version} is forgotten here. Remove it from copies of the keys too.")

    return group


def _log_to_console() -> None:
    """Show warnings of all parts but Prefect, which keeps the log of its runs itself."""
    level = os.environ.get(LOG_LEVEL, "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        raise MobilakeError(f"{LOG_LEVEL} is {level!r}: write DEBUG, INFO, WARNING or ERROR.")
    for library in ("httpcore", "httpx"):  # they would log addresses and headers, secrets and all
        logging.getLogger(library).setLevel(logging.WARNING)
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: not record.name.startswith("prefect"))
    logging.basicConfig(
        level=level, format="%(levelname)s %(name)s: %(message)s", handlers=[handler]
    )


def _now() -> datetime:
    return datetime.now(UTC)
