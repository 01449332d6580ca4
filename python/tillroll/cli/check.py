"""`tillroll check`: is everything as it was written?"""

from typing import Annotated

import tillroll
from tillroll.cli.database import DATABASE, opening
from tillroll.cli.terminal import screen
from tillroll.cli.text import counted
from tillroll.cli.trouble import FAILED, Trouble


def check(db: Annotated[str, DATABASE]) -> None:
    """Read everything that is stored and verify it. Exits with 1 where something is wrong.

    Examples:

    \b
    tillroll check shop.till
    """
    found, rows = _checked(db)
    if not found.ok:
        raise Trouble(*found.problems, f"{db}: {counted(len(found.problems), 'problem')}", code=FAILED)
    screen().line(f"{db}: everything is as it was written ({counted(rows, 'row')})")


def _checked(db: str) -> tuple[tillroll.CheckReport, int]:
    """What was found, and how many rows there are."""
    try:
        # For writing: the index, which is checked as well, is not opened otherwise.
        with opening(db) as opened:
            return opened.check(), len(opened.sales)
    except (tillroll.CorruptionError, tillroll.FormatError) as error:
        found = tillroll.check(db)
        if found.ok:
            raise error from None
        return found, 0
