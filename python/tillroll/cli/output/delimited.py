"""Rows as CSV, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from tillroll.cli.output.amounts import Row
from tillroll.cli.text import plain

# What a spreadsheet takes for the beginning of a formula: a title out of a report must not become one.
# Some take the wide signs of East Asian text for the narrow ones.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(names: Sequence[str], rows: Iterable[Row], out: BinaryIO) -> None:
    """Writes a header and the rows in UTF-8; before text that a spreadsheet would compute is an apostrophe.

    A number is no text: a negative one stays as it is.
    """
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(row[name]) for name in names] for row in rows)
    finally:
        text.detach()


def _cell(cell: Any) -> str:
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return plain(cell)
