"""Rows as JSON: one array of objects."""

import json
from collections.abc import Iterable
from typing import Any, BinaryIO

from tillroll.cli.output.amounts import Row
from tillroll.cli.text import plain


def write(rows: Iterable[Row], out: BinaryIO) -> None:
    """Writes the array, an object a line. Decimals and dates are text, so that nothing is rounded."""
    lead = "[\n"
    for row in rows:
        cells = {name: _cell(cell) for name, cell in row.items()}
        out.write((lead + json.dumps(cells, ensure_ascii=False)).encode())
        lead = ",\n"
    out.write(b"[]\n" if lead == "[\n" else b"\n]\n")


def _cell(cell: Any) -> Any:
    return cell if cell is None or isinstance(cell, bool | int | str) else plain(cell)
