"""Opening the database that a command names."""

from pathlib import Path

import typer

import tillroll
from tillroll.cli.trouble import USAGE, Trouble

# More rows than any answer has; the engine counts in 64 bits.
MOST = 2**63 - 1
# What every command takes first.
DATABASE = typer.Argument(metavar="DB", help="The database: a directory.")


def reading(path: str, *outputs: str | None) -> tillroll.Db:
    """A database as it is; one that does not exist is not made. What is written does not go into it."""
    for output in outputs:
        if output and Path(path).resolve() in Path(output).resolve().parents:
            raise Trouble(f"{output} lies in the database: nothing but the database writes there", code=USAGE)
    return tillroll.open(path, create=False, read_only=True)


def size_on_disk(path: Path) -> int:
    """The bytes of all files under a directory; what goes away meanwhile does not count."""
    return sum(_size(each) for each in path.rglob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
