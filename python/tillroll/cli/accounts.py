"""`tillroll accounts`: the accounts at the stores."""

from collections import Counter
from typing import Annotated

import typer

from tillroll.cli.database import DATABASE, reading
from tillroll.cli.output.form import ListForm, emit_rows

OF_RECORD = ("id", "nickname", "store", "username")
COLUMNS = (*OF_RECORD, "reports", "rows", "rejected")


def accounts(
    db: Annotated[str, DATABASE],
    form: Annotated[ListForm, typer.Option("--format", help="How to write them.")] = ListForm.TABLE,
) -> None:
    """List the accounts at the stores, with what is stored of each.

    Examples:

    \b
    tillroll accounts shop.till
    tillroll accounts shop.till --format json
    """
    with reading(db) as opened:
        reports: Counter[int] = Counter()
        rows: Counter[int] = Counter()
        rejected: Counter[int] = Counter()
        for report in opened.sales.imports():
            reports[report.account] += 1
            if report.shadowed_by is None:
                rows[report.account] += report.rows
            rejected[report.account] += report.rejected
        listed = [
            {name: getattr(each, name) for name in OF_RECORD}
            | {"reports": reports[each.id], "rows": rows[each.id], "rejected": rejected[each.id]}
            for each in opened.external_accounts
        ]
    emit_rows(COLUMNS, listed, form)
