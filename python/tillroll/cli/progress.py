"""A bar on the error stream, where that is a terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tillroll

Watch = Callable[[tillroll.ImportProgress], None]


@contextmanager
def bar() -> Iterator[Watch | None]:
    """What an import reports its progress to; nothing where nobody watches."""
    with stepping("importing") as step:
        if step is None:
            yield None
        else:
            yield lambda state: step(
                state.bytes_done,
                state.bytes_total,
                f"{state.files_done}/{state.files_total} files, {state.rows:,} rows",
            )


@contextmanager
def stepping(title: str) -> Iterator[Callable[[int, int, str], None] | None]:
    """A bar to be told how much of how much is done, and what that is. It is gone when the work is over."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    # Drawn when something is told, from this thread alone: nothing else writes in between.
    console = Console(file=sys.stderr, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=max(6, min(24, console.width - 48))),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        task = progress.add_task(title, total=None, state="")

        def step(done: int, total: int, state: str) -> None:
            progress.update(task, completed=done, total=total, state=state, refresh=True)

        yield step
