"""The forms that rows can leave in."""

import io
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from tillroll.cli.output import array, delimited, parquet
from tillroll.cli.output.amounts import Amounts, Row
from tillroll.cli.output.answer import Answer
from tillroll.cli.output.file import STDOUT, place, replacing
from tillroll.cli.output.grid import Grid
from tillroll.cli.terminal import Screen, screen


class Form(StrEnum):
    """How a report can leave."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    HTML = "html"


class ListForm(StrEnum):
    """How a listing can leave."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


SUFFIXES = {".csv": Form.CSV, ".json": Form.JSON, ".parquet": Form.PARQUET}
SUFFIXES |= {".html": Form.HTML, ".htm": Form.HTML}


def chosen(form: Form | None, output: str | None) -> Form:
    """The form that is asked for; without one, that of the file's name."""
    form = form or (SUFFIXES.get(Path(output).suffix.lower()) if output else None) or Form.TABLE
    if form is Form.PARQUET:
        parquet.check(to_stdout=place(output or STDOUT) == STDOUT)
    return form


def emit(answer: Answer, form: Form, output: str | None = None) -> None:
    """Writes a report to a file, or to the standard output."""
    table = answer.table
    if form is Form.TABLE and output in (None, STDOUT):
        show(table.columns, answer.rows, screen(), answer.pinned())
        return
    with _bytes(output) as out:
        if form is Form.TABLE:
            text = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
            show(table.columns, answer.rows, Screen.of(text), answer.pinned())
            text.detach()
        elif form is Form.PARQUET:
            parquet.write(table, out)
        elif form is Form.HTML:
            from tillroll.cli.output.page import document

            document.write(answer, out)
        elif form is Form.CSV:
            delimited.write(table.columns, table, out)
        else:
            array.write(table, out)


def emit_rows(names: Sequence[str], rows: Sequence[Row], form: ListForm) -> None:
    """Writes rows that are no table of the engine's; to people without columns that hold nothing."""
    if form is ListForm.TABLE:
        show([name for name in names if _has_any(name, rows)], rows, screen())
        return
    with _bytes(None) as out:
        delimited.write(names, rows, out) if form is ListForm.CSV else array.write(rows, out)


def show(
    names: Sequence[str], rows: Sequence[Row], on: Screen, currency: str | None = None, indent: int = 0
) -> None:
    """Shows rows in columns. `currency` is that of all amounts, where no column tells."""
    amounts = Amounts(rows, currency)
    right = {name for name in names if any(_is_number(row[name]) for row in rows)}
    cells = [[amounts.cell(row, name) for name in names] for row in rows]
    Grid(names, cells, right).show(on, indent)
    if not rows:
        on.line(" " * indent + "(no rows)")


def _has_any(name: str, rows: Sequence[Row]) -> bool:
    return not rows or any(row[name] not in (None, "") for row in rows)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | Decimal) and not isinstance(cell, bool)


def _bytes(output: str | None) -> AbstractContextManager[BinaryIO]:
    if output and place(output) != STDOUT:
        return replacing(output)
    sys.stdout.flush()
    return nullcontext(sys.stdout.buffer)
