"""The commands together, and how the whole of it begins and ends."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from tillroll.cli.accounts import accounts
from tillroll.cli.backup import backup, restore
from tillroll.cli.check import check
from tillroll.cli.credentials import credentials
from tillroll.cli.demo.command import demo
from tillroll.cli.imports import import_
from tillroll.cli.info import info
from tillroll.cli.listing import imports
from tillroll.cli.products import products
from tillroll.cli.rejects import rejects
from tillroll.cli.repair import repair
from tillroll.cli.report import report
from tillroll.cli.sync import sync
from tillroll.cli.trouble import guarded, tell

app = typer.Typer(
    name="tillroll",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        from tillroll import __version__

        print(f"tillroll {__version__}")
        raise typer.Exit


@app.callback()
def tillroll(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The sales reports of app stores, imported exactly and asked quickly.

    Examples:

    \b
    tillroll demo                                           a tour with sample data
    tillroll import shop.till sales_*.gz --account Apps     read reports
    tillroll report shop.till --by month,currency --measures units,earnings

    A database is one directory, here shop.till. Exit codes: 0 done, 1 failed, 2 wrongly asked, 130 stopped.
    """


app.command("demo", short_help="A tour with sample data: import, report, look up.")(guarded(demo))
app.command("import", short_help="Read report files into a database.")(guarded(import_))
app.command("report", short_help="Sums by groups: a table, CSV, JSON, Parquet or a page with charts.")(
    guarded(report)
)
app.command("sync", short_help="Fetch reports from the stores, and import them.")(guarded(sync))
app.command("credentials", short_help="Seal what signs in at a store, for sync.")(guarded(credentials))
app.command("accounts", short_help="List the accounts at the stores.")(guarded(accounts))
app.command("products", short_help="List the products that you sell.")(guarded(products))
app.command("imports", short_help="List the reports that are stored, and what restating changed.")(
    guarded(imports)
)
app.command("rejects", short_help="List the rows that could not be read, and why.")(guarded(rejects))
app.command("info", short_help="Say what a database holds.")(guarded(info))
app.command("check", short_help="Verify everything that is stored.")(guarded(check))
app.command("repair", short_help="Put right what is damaged, and name what is lost.")(guarded(repair))
app.command("backup", short_help="Copy a database, checking it on the way.")(guarded(backup))
app.command("restore", short_help="Make a database from a backup.")(guarded(restore))


def run(arguments: Sequence[str]) -> int:
    """Runs one command; gives the code to exit with."""
    try:
        code = app(args=list(arguments), prog_name="tillroll", standalone_mode=False)
    except typer.TyperException as wrong:
        return _usage(wrong)
    except typer.Abort:
        return 1
    return code if isinstance(code, int) else 0


def _usage(wrong: typer.TyperException) -> int:
    """A command that was asked wrongly; without any arguments at all its help is what is missing."""
    text = wrong.format_message()
    if not text.strip():
        return wrong.exit_code
    if "\n" in text:
        print(text, file=sys.stderr)
        return wrong.exit_code
    context = getattr(wrong, "ctx", None)
    text = _guiding(wrong, text.replace("Value error, ", "").rstrip("."))
    end = "" if text.endswith("?") else "."
    tell(f"{text}{end} See: {context.command_path} --help" if context else f"{text}{end}")
    return wrong.exit_code


def _guiding(wrong: typer.TyperException, text: str) -> str:
    """What is near to a name that there is not comes as a question."""
    told, _, suggested = text.partition(". Did you mean ")
    # The nearest comes first. Of a command, what is near stands in the text alone.
    near = getattr(wrong, "possibilities", None) or [
        each.strip("' ?") for each in suggested.split(",") if each
    ]
    return f"{told.partition(' (Possible')[0]}; did you mean {' or '.join(near)}?" if near else text
