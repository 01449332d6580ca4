"""Opening the database that a command names."""

import os
from pathlib import Path
from typing import Any

import typer

import tillroll
from tillroll.cli.output.file import STDOUT
from tillroll.cli.trouble import USAGE, Trouble

# What every command takes first.
DATABASE = typer.Argument(metavar="DB", help="The database: a directory.")
LIMIT = typer.Option(min=0, metavar="N", help="How many rows at most.")


def reading(path: str, *outputs: str | None) -> tillroll.Db:
    """A database as it is; one that does not exist is not made. What is written does not go into it."""
    within = os.path.realpath(path)
    for output in outputs:
        if output and output != STDOUT and Path(within) in Path(os.path.realpath(output)).parents:
            raise Trouble(f"{output} lies in the database: nothing but the database writes there", code=USAGE)
    return opening(path, read_only=True)


def opening(path: str, **options: Any) -> tillroll.Db:
    """A database that must be there. Another directory than the database's is told apart from none at all."""
    try:
        return tillroll.open(path, create=False, **options)
    except tillroll.NotFoundError:
        if not Path(path).exists():
            raise
        raise Trouble(f"{path} is no database{_within(Path(path))}") from None


def _within(path: Path) -> str:
    """The database that was meant, where the directory above it was named."""
    inside = sorted(path.glob("*/TILLROLL"))[:1]
    return f": {inside[0].parent} is one" if inside else ": name the directory that `tillroll import` made"


def size_on_disk(path: Path) -> int:
    """The bytes of all files under a directory; what goes away meanwhile does not count."""
    return sum(_size(each) for each in path.rglob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
