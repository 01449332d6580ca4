"""Opening the database that a command names."""

from pathlib import Path

import typer

import tillroll

# What every command takes first.
DATABASE = typer.Argument(metavar="DB", help="The database: a directory.")


def reading(path: str) -> tillroll.Db:
    """A database as it is; one that does not exist is not made."""
    return tillroll.open(path, create=False, read_only=True)


def size_on_disk(path: Path) -> int:
    """The bytes of all files under a directory; what goes away meanwhile does not count."""
    return sum(_size(each) for each in path.rglob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
