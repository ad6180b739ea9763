"""What the command line shows: sentences, tables, progress. All else is logging."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line."""
    console.print(text, markup=False)


def complain(text: str) -> None:
    """Print a line to standard error."""
    errors.print(text, markup=False, style="red")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print a table; columns after the first are right-aligned where they hold numbers."""
    grid = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(header):
        numeric = bool(rows) and all(_is_number(row[number]) for row in rows)
        grid.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    console.print(grid)


@contextmanager
def tracked() -> Iterator[Callable[[Path], Callable[[int, int], None]]]:
    """Show a bar over the bytes of files; without a terminal, nothing."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with progress:

        def follow(file: Path) -> Callable[[int, int], None]:
            task = progress.add_task(file.name, total=None)

            def advance(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total, visible=done < total)

            return advance

        yield follow


def _is_number(text: str) -> bool:
    return text.strip().lstrip("+-").replace(",", "").replace(".", "").replace(
        "%", ""
    ).isdigit() or (text.strip() in ("", "–"))
