"""`tillroll info`: what a database holds."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import tillroll
from tillroll.cli.database import DATABASE, reading, size_on_disk
from tillroll.cli.output.form import ListForm, emit_rows, show
from tillroll.cli.terminal import screen
from tillroll.cli.text import count, counted, printable, size

COLUMNS = ("account", "nickname", "kind", "reports", "first", "last", "rows", "rejected")


def info(
    db: Annotated[str, DATABASE],
    form: Annotated[
        ListForm, typer.Option("--format", help="With csv and json, the reports of each account alone.")
    ] = ListForm.TABLE,
) -> None:
    """Say what a database holds: rows, sizes, currencies, and the reports of each account.

    Examples:

    \b
    tillroll info shop.till
    tillroll info shop.till --format json
    """
    on = screen()
    with reading(db) as opened:
        stats, imports = opened.stats(), opened.sales.imports()
        nicknames = {account.id: account.nickname for account in opened.external_accounts}
    if form is not ListForm.TABLE:
        emit_rows(COLUMNS, _by_account(imports, nicknames), form)
        return
    on.line(f"{on.bold('rows')}        {count(stats['rows'])}")
    of = counted(len(nicknames), "account")
    on.line(f"{on.bold('reports')}     {counted(len(imports), 'report')} of {of}")
    on.line(f"{on.bold('rejected')}    {counted(sum(each.rejected for each in imports), 'row')}")
    on.line(f"{on.bold('currencies')}  {' '.join(currencies(imports)) or 'none'}")
    on.line(f"{on.bold('on disk')}     {_sizes(opened, stats)}")
    if imports:
        on.line()
        show(COLUMNS, _by_account(imports, nicknames), on)


def _sizes(db: tillroll.Db, stats: dict[str, Any]) -> str:
    rolls, journal = size(stats["roll_bytes"]), size(stats["journal_bytes"])
    return f"{size(size_on_disk(db.path))} ({counted(stats['rolls'], 'roll')} {rolls}, journal {journal})"


def currencies(imports: Sequence[tillroll.Import]) -> list[str]:
    """The currencies of sales in all reports."""
    found = {row["currency"] for each in imports for row in each.totals}
    return sorted(printable(each) for each in found if each)


def _by_account(imports: Sequence[tillroll.Import], nicknames: dict[int, str]) -> list[dict[str, Any]]:
    groups: dict[tuple[int, str], list[tillroll.Import]] = defaultdict(list)
    for each in imports:
        groups[each.account, each.kind].append(each)
    return [
        {
            "account": account,
            "nickname": nicknames.get(account, "(deleted)"),
            "kind": kind,
            "reports": len(of),
            "first": min(each.period for each in of),
            "last": max(each.period for each in of),
            "rows": sum(each.rows for each in of if each.shadowed_by is None),
            "rejected": sum(each.rejected for each in of),
        }
        for (account, kind), of in sorted(groups.items())
    ]
