"""Rows as Parquet, written by pyarrow."""

import sys
from importlib import import_module
from typing import BinaryIO

from tillroll import Table
from tillroll.cli.trouble import USAGE, Trouble


def write(table: Table, out: BinaryIO) -> None:
    """Writes the table with its own types: money as decimals, days as dates."""
    import_module("pyarrow.parquet").write_table(table.to_arrow(), out)


def check(to_stdout: bool) -> None:
    """Refuses what cannot work before anything is asked of the database."""
    if to_stdout and sys.stdout.isatty():
        raise Trouble("parquet is not for a terminal: name a file with --output, or pipe it", code=USAGE)
    try:
        import_module("pyarrow.parquet")
    except ImportError:
        raise Trouble("parquet needs the package pyarrow: pip install pyarrow") from None
