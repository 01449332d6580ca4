"""`tillroll backup` and `tillroll restore`: a copy of a database, and a database from a copy."""

from pathlib import Path
from typing import Annotated

import typer

import tillroll
from tillroll.cli.database import DATABASE, reading, size_on_disk
from tillroll.cli.terminal import screen
from tillroll.cli.text import size

TO = typer.Argument(metavar="TO", help="The new directory.", show_default=False)
FROM = typer.Argument(metavar="FROM", help="The backup's directory.", show_default=False)


def backup(db: Annotated[str, DATABASE], to: Annotated[str, TO]) -> None:
    """Copy a database to a new directory, checking it on the way.

    Examples:

    \b
    tillroll backup shop.till /backups/shop-2018-04.till

    The copy is a database. Its key file, where there is one, comes along: keep the copy as safe as the
    original.
    """
    with reading(db) as opened:
        opened.backup(to)
    _tell(db, to)


def restore(backup: Annotated[str, FROM], db: Annotated[str, DATABASE]) -> None:
    """Make a new database from a backup, checking it on the way. The backup stays as it is.

    Examples:

    \b
    tillroll restore /backups/shop-2018-04.till shop.till
    """
    tillroll.restore(backup, db)
    _tell(backup, db)


def _tell(source: str, target: str) -> None:
    screen().line(f"{source} copied to {target} and checked ({size(size_on_disk(Path(target)))})")
