"""`tillroll products`: the products that a database knows."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

import tillroll
from tillroll.cli.account import ONLY, existing
from tillroll.cli.database import DATABASE, LIMIT, reading
from tillroll.cli.output.form import ListForm, emit_rows
from tillroll.cli.trouble import USAGE, Trouble

OF_RECORD = ("id", "store", "vendor_identifier", "sku", "name", "type", "developer", "parent_id", "active")
COLUMNS = (*OF_RECORD, "account")
# What has room on a terminal.
SHOWN = ("id", "name", "store", "sku", "type", "parent_id", "account")
# What is found is asked for by the page.
PAGE = 500


def products(
    db: Annotated[str, DATABASE],
    store: Annotated[str | None, typer.Option(metavar="TEXT", help="Only those of this store.")] = None,
    account: Annotated[str | None, ONLY] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are no longer on sale.")] = False,
    search: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Whatever has these words in its name or developer."),
    ] = None,
    limit: Annotated[int | None, LIMIT] = None,
    form: Annotated[ListForm, typer.Option("--format", help="How to write them.")] = ListForm.TABLE,
) -> None:
    """List the products that you sell.

    Reports bring them: what they name and is not known yet becomes a product. --by product of a report shows
    their ids. A search finds the products of others too, where a program has stored them; it may begin with
    @name= or @developer=, to look there alone. CSV and JSON have more columns than the table.

    Examples:

    \b
    tillroll products shop.till
    tillroll products shop.till --store amazon --format csv
    tillroll products shop.till --search chess
    """
    if search is not None and (store is not None or all_):
        raise Trouble("--search takes neither --store nor --all", code=USAGE)
    with reading(db) as opened:
        of = existing(opened, account).id if account else None
        mine = opened.products.mine(store, all_) if search is None else _found(opened, search)
        rows = [row for row in map(_row, mine) if of is None or row["account"] == of]
    emit_rows(SHOWN if form is ListForm.TABLE else COLUMNS, rows[:limit], form)


def _found(db: tillroll.Db, search: str) -> Iterator[tillroll.Record]:
    at, pages = 1, 1
    while at <= pages:
        page = db.products.search(search, page=at, count=PAGE)
        yield from page
        at, pages = at + 1, page.page_count


def _row(product: tillroll.Record) -> dict[str, Any]:
    told = product.to_dict()
    source = told["source"] or {}
    return {name: told[name] for name in OF_RECORD} | {"account": source.get("external_account_id")}
