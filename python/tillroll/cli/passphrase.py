"""A database's passphrase, for commands that need its secrets: from the environment or a file."""

import os
from pathlib import Path

import typer

from tillroll.cli.trouble import USAGE, Trouble

VARIABLE = "TILLROLL_PASSPHRASE"
FILE = typer.Option(
    metavar="FILE", help=f"Where the passphrase stands, if there is one; else ${VARIABLE} may have it."
)


def passphrase(file: str | None) -> str | None:
    """The passphrase to open with; None where the key is a file beside the data."""
    text = Path(file).read_text("utf-8").rstrip("\r\n") if file else os.environ.get(VARIABLE)
    if file and not text:
        raise Trouble(f"{file} is empty: it must hold the passphrase", code=USAGE)
    return text or None
