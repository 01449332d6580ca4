"""`tillroll rejects`: the rows that could not be read."""

from itertools import islice
from typing import Annotated

import typer

from tillroll.cli.database import DATABASE, LIMIT, reading
from tillroll.cli.output.form import ListForm, emit_rows
from tillroll.cli.terminal import screen
from tillroll.cli.text import one_line

COLUMNS = ("path", "line", "reason", "text")


def rejects(
    db: Annotated[str, DATABASE],
    limit: Annotated[int | None, LIMIT] = None,
    form: Annotated[ListForm, typer.Option("--format", help="How to write them.")] = ListForm.TABLE,
) -> None:
    """List the rows that could not be read: file, line, reason, and the row as it stands.

    Examples:

    \b
    tillroll rejects shop.till
    tillroll rejects shop.till --format csv > rejects.csv
    """
    with reading(db) as opened:
        found = list(islice(opened.sales.rejects(), limit))
    if form is not ListForm.TABLE:
        emit_rows(COLUMNS, found, form)
        return
    on = screen()
    for row in found:
        on.line(on.bold(one_line(f"{row['path']}, line {row['line']}: ")) + one_line(row["reason"]))
        on.line("    " + on.dim(one_line(row["text"])))
    if not found:
        on.line("(no rows)")
