"""`tillroll report`: sums by groups."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

import tillroll
from tillroll.cli.account import existing
from tillroll.cli.database import DATABASE, LIMIT, reading
from tillroll.cli.output.answer import MONEY, Answer, paid_out
from tillroll.cli.output.file import STDOUT, place
from tillroll.cli.output.form import Form, chosen, emit
from tillroll.cli.text import count
from tillroll.cli.trouble import USAGE, Trouble

Many = list[str] | None
# A browser shows a page of more rows slowly, and people none of them.
PAGE_ROWS = 50_000


def _only(help_: str) -> Any:
    return typer.Option(help=help_, metavar="TEXT")


def report(
    db: Annotated[str, DATABASE],
    by: Annotated[
        str, typer.Option(metavar="NAMES", help="The groups, such as month,currency; without any, one sum.")
    ] = "",
    measures: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Of units gross_units refund_units all_units sales earnings rows."
        ),
    ] = "units",
    start: Annotated[str | None, typer.Option(help="From this day or ISO time on.", metavar="DATE")] = None,
    end: Annotated[str | None, typer.Option(help="Up to this, without it.", metavar="DATE")] = None,
    account: Annotated[Many, typer.Option(help="Of this account.", metavar="NAME_OR_ID")] = None,
    store: Annotated[Many, _only("amazon ...")] = None,
    kind: Annotated[Many, _only("amazon-sales ...")] = None,
    period: Annotated[Many, _only("Out of the report of 2018-03 ...")] = None,
    currency: Annotated[Many, _only("EUR ...")] = None,
    earnings_currency: Annotated[Many, _only("The currency that is paid out.")] = None,
    country: Annotated[Many, _only("The buyer's: DE ...")] = None,
    marketplace: Annotated[Many, _only("Amazon.de ...")] = None,
    sku: Annotated[Many, _only("The product's own id.")] = None,
    parent_sku: Annotated[Many, _only("The id of the app an item is sold in.")] = None,
    title: Annotated[Many, _only("The product's name.")] = None,
    item_name: Annotated[Many, _only("The name of an item within an app.")] = None,
    type_: Annotated[Many, typer.Option("--type", metavar="TEXT", help="charge, refund ...")] = None,
    item_type: Annotated[Many, _only("As the store calls it: App, Subscription ...")] = None,
    term: Annotated[Many, _only("Of a subscription: 1 Month ...")] = None,
    product: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="The product of this id, as --by product shows it.")
    ] = None,
    product_group: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="The products linked with this one, and itself."),
    ] = None,
    include_inapps: Annotated[
        bool,
        typer.Option(
            "--include-inapps", help="With --product, --product-group: also what is sold within them."
        ),
    ] = False,
    combine_inapps: Annotated[
        bool,
        typer.Option(
            "--combine-inapps", help="With --by product, product_group: count items among their app."
        ),
    ] = False,
    order_by: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Columns; with - before one from the largest down.")
    ] = None,
    limit: Annotated[int | None, LIMIT] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="table, unless the name of --output says another."),
    ] = None,
    output: Annotated[str | None, typer.Option(metavar="FILE", help="Write to a file instead.")] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a page with charts, as well as --output.")
    ] = None,
) -> None:
    """Sums by groups, exact. Currencies are never added together.

    What narrows down may be given several times: --sku a --sku b; codes also with commas: --currency EUR,USD.
    In CSV, text that a spreadsheet would take for a formula has an apostrophe before it, and numbers are
    numbers, negative ones too; in JSON, amounts are text, so that they stay exact.

    Examples:

    \b
    tillroll report shop.till --by month,currency --measures units,earnings
    tillroll report shop.till --by sku,title --measures units,sales --currency EUR \\
        --start 2018-01-01 --end 2019-01-01 --order-by -sales --limit 10
    tillroll report shop.till --by day,country --output days.csv
    tillroll report shop.till --by month,currency --measures earnings --html months.html

    A page is one file for any browser: a chart for each currency, and the table, of 50,000 rows at most.
    What a file held before is replaced when the new one is whole.
    """
    prints = html is None or form is not None or output is not None
    form = chosen(form, output)
    _refuse_one_place(output, html, prints)
    asked = _asked(
        days={"start": start, "end": end},
        codes={"store": store, "kind": kind, "period": period, "type": type_},
        large={"currency": currency, "earnings_currency": earnings_currency, "country": country},
        texts={
            "marketplace": marketplace,
            "sku": sku,
            "parent_sku": parent_sku,
            "title": title,
            "item_name": item_name,
            "item_type": item_type,
            "term": term,
        },
        rest={
            "product": product,
            "product_group": product_group,
            "include_inapps": include_inapps or None,
            "combine_inapps": combine_inapps or None,
        },
    )
    shape: dict[str, Any] = {"by": _names(by), "measures": _names(measures)}
    order: dict[str, Any] = {"order_by": _names(order_by) if order_by else None, "limit": limit}
    with reading(db, output, html) as opened:
        answer = _answered(
            opened, db, shape, asked, order, account, has_page=html is not None or form is Form.HTML
        )
    if prints:
        emit(answer, form, output)
    if html is not None:
        emit(answer, Form.HTML, html)


def _refuse_one_place(output: str | None, html: str | None, prints: bool) -> None:
    """A report and its page in one place: the second would come after the first, or instead of it."""
    for option, path in {"--output": output, "--html": html}.items():
        if path == "":
            raise Trouble(f"{option} is empty: name a file, or - for the standard output", code=USAGE)
    if html is not None and prints and place(output or STDOUT) == place(html):
        where = "the standard output" if place(html) == STDOUT else html
        raise Trouble(f"the report and its page would both go to {where}: name another --html", code=USAGE)


def _asked(
    *,
    days: Mapping[str, str | None],
    codes: Mapping[str, Many],
    large: Mapping[str, Many],
    texts: Mapping[str, Many],
    rest: Mapping[str, Any],
) -> dict[str, Any]:
    """What narrows a report down or makes its groups, for the library; `large` are codes in capitals."""
    asked: dict[str, Any] = {name: _day(given, _option(name)) for name, given in days.items()}
    asked |= {name: _codes(given, _option(name)) for name, given in codes.items()}
    asked |= {name: _codes(given, _option(name), upper=True) for name, given in large.items()}
    return {name: value for name, value in {**asked, **texts, **rest}.items() if value is not None}


def _answered(
    db: tillroll.Db,
    name: str,
    shape: Mapping[str, Any],
    asked: Mapping[str, Any],
    order: Mapping[str, Any],
    account: Many,
    has_page: bool,
) -> Answer:
    """The report, with what a page tells of it."""
    accounts = [existing(db, each) for each in account or []]
    where = dict(asked) | ({"account": [each.id for each in accounts]} if accounts else {})
    with _named_as_options():
        table = db.sales.report(**shape, **where, **order)
    if has_page and len(table) > PAGE_ROWS:
        raise Trouble(
            f"a page holds {count(PAGE_ROWS)} rows at most, and these are {count(len(table))}: "
            "ask for fewer groups, or for the first ones with --limit",
            code=USAGE,
        )
    paid = paid_out(db, **shape, where=where) if has_page else {}
    told = dict(asked) | ({"account": [each.nickname for each in accounts]} if accounts else {})
    if order["limit"] is not None:
        told["limit"] = order["limit"]
    return Answer(table, **shape, where=told, database=name, paid=paid)


@contextmanager
def _named_as_options() -> Iterator[None]:
    """What is wrong with a question, told of the options that asked it."""
    try:
        yield
    except tillroll.ValidationError as wrong:
        told = [f"{_option(name)}: {text}" for name, texts in wrong.errors.items() for text in texts]
        raise Trouble("; ".join(told), code=USAGE) from None


def _option(field: str) -> str:
    """The option of a field; a measure is none."""
    return field if field in MONEY else f"--{field.replace('_', '-')}"


def _codes(given: Many, option: str, upper: bool = False) -> list[str] | None:
    """Codes hold no commas: what stands between them are several."""
    if given is None:
        return None
    codes = [code for text in given for code in _names(text)]
    if not codes:
        raise Trouble(f"{option} is empty: leave it out for all", code=USAGE)
    # What is given twice is one to the library.
    return list(dict.fromkeys(code.upper() if upper else code for code in codes))


def _day(given: str | None, option: str) -> str | None:
    """A day or time; an empty one, such as of a variable that is not set, is not every day."""
    if given is not None and not given.strip():
        raise Trouble(f"{option} is empty: leave it out for all", code=USAGE)
    return given


def _names(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
