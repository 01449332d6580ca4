"""`tillroll products`: the products that a database knows."""

from typing import Annotated

import typer

from tillroll.cli.database import DATABASE, reading
from tillroll.cli.output.form import ListForm, emit_rows

COLUMNS = ("id", "store", "vendor_identifier", "sku", "name", "type", "developer")


def products(
    db: Annotated[str, DATABASE],
    store: Annotated[str | None, typer.Option(metavar="TEXT", help="Only those of this store.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are no longer on sale.")] = False,
    form: Annotated[ListForm, typer.Option("--format", help="How to write them.")] = ListForm.TABLE,
) -> None:
    """List the products that you sell.

    Reports bring them: what they name and is not known yet becomes a product. --by product of a report shows
    their ids.

    Examples:

    \b
    tillroll products shop.till
    tillroll products shop.till --store amazon --format csv
    """
    with reading(db) as opened:
        listed = [
            {name: getattr(each, name) for name in COLUMNS} for each in opened.products.mine(store, all_)
        ]
    emit_rows(COLUMNS, listed, form)
