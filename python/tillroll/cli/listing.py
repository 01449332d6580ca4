"""`tillroll imports`: the reports that are stored."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tillroll import Import
from tillroll.cli.account import ONLY, existing
from tillroll.cli.database import DATABASE, reading
from tillroll.cli.output.form import ListForm, emit_rows

OF_IMPORT = ("id", "account", "kind", "period", "part", "rows", "rejected", "shadowed_by")
OF_CHANGE = ("currency", "units", "sales", "earnings_currency", "earnings")
# What was counted or summed is told as what it moved by.
CHANGED = {name: name if "currency" in name else f"{name}_change" for name in OF_CHANGE}
COLUMNS = (*OF_IMPORT, "versions", *CHANGED.values())


def imports(
    db: Annotated[str, DATABASE],
    account: Annotated[str | None, ONLY] = None,
    form: Annotated[ListForm, typer.Option("--format", help="How to write them.")] = ListForm.TABLE,
) -> None:
    """List the reports that are stored, and what the newest restatement of each changed, by currency.

    A report that does not count, since others tell of its days, names the one that does under shadowed_by.

    Examples:

    \b
    tillroll imports shop.till
    tillroll imports shop.till --account "Amazon apps" --format json
    """
    with reading(db) as opened:
        of = existing(opened, account).id if account else None
        rows = [row for each in opened.sales.imports(of) for row in _rows(each)]
    emit_rows(COLUMNS, rows, form)


def _rows(report: Import) -> Iterator[dict[str, Any]]:
    """A row for each currency that the report's newest restatement moved; one row where there is none."""
    told = {name: getattr(report, name) for name in OF_IMPORT} | {"versions": len(report.versions)}
    nothing = dict.fromkeys(OF_CHANGE)
    for change in [*(report.change or ())] or [nothing]:
        yield told | {shown: change[name] for name, shown in CHANGED.items()}
