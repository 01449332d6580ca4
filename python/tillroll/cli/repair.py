"""`tillroll repair`: putting right what is damaged."""

from typing import Annotated

import tillroll
from tillroll.cli.database import DATABASE
from tillroll.cli.terminal import screen
from tillroll.cli.text import counted
from tillroll.cli.trouble import FAILED, Trouble


def repair(db: Annotated[str, DATABASE]) -> None:
    """Put right what is damaged, also where the database will not open, and name what is lost.

    Examples:

    \b
    tillroll repair shop.till

    What is damaged or replaced is kept in the database's folder damaged/, with all that is told here in
    repair.json. Exits with 0 where everything is there again, and with 1 where reports must be imported
    again or may have been deleted, or where commits, records or secrets are lost or may be.
    """
    report = tillroll.repair(db)
    if not report.changed and report.ok:
        for note in report.notes:
            screen().line(f"note: {note}")
        screen().line(f"{db}: there is nothing to repair")
        return
    _tell(report)
    if not report.ok:
        done = "repaired" if report.changed else "nothing can be repaired"
        lost, uncertain = counted(len(report.lost), "report"), counted(len(report.uncertain), "report")
        more = "; more is lost, or may be: see the notes" if report.incomplete else ""
        raise Trouble(f"{db}: {done}; {lost} to import again, {uncertain} to look through{more}", code=FAILED)
    screen().line(f"{db}: repaired; every report is there")


def _tell(report: tillroll.RepairReport) -> None:
    """All that a repair found, a line each, in words that a search for them finds."""
    for note in report.notes:
        screen().line(f"note: {note}")
    for file in report.lost:
        screen().line(f"lost: {_named(file)}: import it again")
    for file in report.uncertain:
        screen().line(f"uncertain: {_named(file)}: delete it if it was deleted before")
    for name in report.moved:
        screen().line(f"kept: {name}")


def _named(file: tillroll.ReportFile) -> str:
    where = f"{file.kind} {file.period} of account {file.account}"
    return f"{file.path} (sha256 {file.sha256}), {where}" if file.path else where
