"""`tillroll import`: report files into a database."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

import tillroll
from tillroll.cli import account as accounts
from tillroll.cli.database import DATABASE
from tillroll.cli.program import program
from tillroll.cli.progress import bar
from tillroll.cli.terminal import screen
from tillroll.cli.text import counted, one_line
from tillroll.cli.trouble import STOPPED, Trouble, describe


def import_(
    db: Annotated[str, DATABASE],
    files: Annotated[list[str], typer.Argument(metavar="FILES", help="Reports as the store gave them.")],
    account: Annotated[
        str,
        typer.Option(
            metavar="NAME_OR_ID", help="Whose reports they are; an unknown name becomes a new account."
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="What they hold, such as amazon-sales, where they do not tell."),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            metavar="PERIOD", help="Their period, such as 2018-03, where name and rows do not tell."
        ),
    ] = None,
    on_reject: Annotated[
        Literal["keep", "fail"],
        typer.Option(help="Keep rows that cannot be read as rejects, or import nothing if there is one."),
    ] = "keep",
    force: Annotated[
        bool, typer.Option("--force", help="Read files whose bytes are stored already.")
    ] = False,
    keep_personal: Annotated[
        bool, typer.Option("--keep-personal", help="Keep the buyers' city, postal code and user id.")
    ] = False,
) -> None:
    """Import report files: gzip, zip or plain. Each is in wholly or not at all.

    The database is made where there is none. A report that was restated replaces what is stored of it; the
    same bytes again change nothing.

    Examples:

    \b
    tillroll import shop.till reports/sales_2018_*.gz --account "Amazon apps"
    tillroll import shop.till january.csv --account 1 --period 2018-01
    """
    asked = Asked(files, kind, period, on_reject, force, keep_personal)
    # A database and an account are only made for files that are known to be reports.
    store = None
    if not Path(db).exists():
        accounts.refuse_new_id(account, db)
        store = accounts.store_of(files, kind)
    with tillroll.open(db) as opened:
        whose = accounts.find(opened, account)
        if whose is not None:
            run(opened, whose, asked)
            return
        accounts.refuse_new_id(account, db)
        store = store or accounts.store_of(files, kind)
        made = opened.external_accounts.create(nickname=account.strip(), store=store)
        try:
            run(opened, made, asked, is_new=True)
        finally:
            # What went wrong before counts; a disk that is full cannot take this either.
            with suppress(tillroll.Error, OSError):
                if not opened.sales.imports(made):
                    opened.external_accounts.delete(made)


@dataclass(frozen=True)
class Asked:
    """What is to be imported, and how."""

    files: Sequence[str]
    kind: str | None = None
    period: str | None = None
    on_reject: Literal["keep", "fail"] = "keep"
    force: bool = False
    keep_personal: bool = False


def run(db: tillroll.Db, account: tillroll.Record, asked: Asked, is_new: bool = False) -> None:
    """Imports, and tells what became of it."""
    try:
        with bar() as progress:
            done = db.sales.import_reports(
                asked.files,
                account=account,
                kind=asked.kind,
                period=asked.period,
                on_reject=asked.on_reject,
                force=asked.force,
                keep_personal=asked.keep_personal,
                progress=progress,
            )
    except KeyboardInterrupt as stopped:
        raise Trouble(_kept(getattr(stopped, "summary", None)), code=STOPPED) from None
    except (tillroll.Error, OSError) as error:
        failures = getattr(error, "failures", ())
        if not failures:
            raise
        summary = getattr(error, "summary", None)
        if summary is not None and db.sales.imports(account):
            tell_done(db, account, summary, is_new)
        raise Trouble(*_failures(failures, summary)) from None
    tell_done(db, account, done, is_new)


def tell_done(
    db: tillroll.Db, account: tillroll.Record, done: tillroll.ImportSummary, is_new: bool = False
) -> None:
    """Says what an import did."""
    on = screen()
    new = "a new account" if is_new else "account"
    on.line(f"{on.bold(one_line(account.nickname))}: {new} at {account.store}, id {account.id}")
    speed = f", {done.rows / done.seconds:,.0f} rows/s" if done.rows and done.seconds else ""
    on.line(f"  {summed(done)} in {done.seconds:.2f} s{speed}")
    if done.unchanged:
        on.line(f"  {counted(done.unchanged, 'file')} unchanged: nothing was written for them")
    if done.replaced:
        on.line(f"  {counted(done.replaced, 'file')} restated: what was stored of them is replaced")
    if done.rejected:
        command = f"{program()} rejects {shlex.quote(str(db.path))}"
        are = "is" if done.rejected == 1 else "are"
        on.line(f"  {counted(done.rejected, 'row')} could not be read and {are} kept: {command}")


def summed(done: tillroll.ImportSummary) -> str:
    """The counts of an import."""
    return f"{counted(done.files, 'file')}, {counted(done.rows, 'row')}, {done.rejected:,} rejected"


def _kept(summary: tillroll.ImportSummary | None) -> str:
    # Without a summary it was too late to stop, or too early to have begun.
    if summary is None:
        return "stopped; what was imported before is kept"
    if not summary.files:
        return "stopped; nothing was imported"
    return f"stopped; kept what was imported before: {summed(summary)}"


def _failures(
    failures: Sequence[tuple[str, BaseException]], summary: tillroll.ImportSummary | None
) -> list[str]:
    """A line for each file, and what became of the others."""
    lines = []
    for path, error in failures:
        text = describe(error)
        lines.append(text if path in text else f"{path}: {text}")
    files = counted(len(failures), "file")
    others = "what else there was is stored" if summary and summary.files else "nothing was imported"
    return [*lines, f"{files} not imported; {others}"]
