"""The report's table in the page."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.cells import cell_len

from tillroll.cli.output.amounts import IDS, Amounts, Row, shown
from tillroll.cli.output.answer import MONEY, Answer, Group, total
from tillroll.cli.output.page.markup import text, words
from tillroll.cli.text import count, counted

NUMBERS = ' class="n"'
# A name of more characters than this needs room.
LONG = 16


def table(answer: Answer) -> Iterator[str]:
    """The table: a line a row, with sums below where there is something to add."""
    names = answer.table.columns
    right = {name for name in names if name in answer.measures or name in IDS}
    yield '<div class="table" role="region" aria-label="The report" tabindex="0"><table>\n'
    caption = counted(len(answer.rows), "row") if answer.rows else "No rows: nothing was found."
    yield f"<caption>{caption}</caption>\n<thead><tr>"
    amounts = Amounts(answer.rows, answer.pinned())
    for name in names:
        kind = NUMBERS if name in right else _of_text(answer, name)
        yield f'<th scope="col"{kind}>{text(words(name))}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for row in answer.rows:
        yield f"<tr>{''.join(_cells(amounts, row, names, right))}</tr>\n"
    yield "</tbody>\n"
    yield from _foot(answer)
    yield "</table></div>\n"


def _of_text(answer: Answer, name: str) -> str:
    """Names that are long have some room also on a telephone."""
    return ' class="wide"' if any(cell_len(str(row[name])) > LONG for row in answer.rows) else ""


def _cells(amounts: Amounts, row: Row, names: Sequence[str], right: set[str]) -> Iterator[str]:
    for at, name in enumerate(names):
        cell = text(amounts.cell(row, name))
        if name in right:
            yield f'<td class="n{" minus" if _is_negative(row[name]) else ""}">{cell}</td>'
            continue
        tag = 'th scope="row"' if at == 0 else "td"
        kind = ' class="d"' if isinstance(row[name], date) else ""
        yield f"<{tag}{kind}>{f'<bdi>{cell}</bdi>' if cell else ''}</{tag[:2]}>"


def _is_negative(cell: Any) -> bool:
    return isinstance(cell, int | Decimal) and cell < 0


def _foot(answer: Answer) -> Iterator[str]:
    """Sums of the rows that are shown, apart by what may not be added."""
    money = [name for name in answer.measures if name in MONEY]
    apart: dict[Group, list[Row]] = defaultdict(list)
    for row in answer.rows:
        apart[row.get("kind"), *(answer.currency(row, name) for name in money)].append(row)
    if not answer.by or len(answer.rows) == len(apart):
        return
    yield "<tfoot>\n"
    # What has no kind or no currency comes last.
    for key in sorted(apart, key=lambda key: [(each is None, each or "") for each in key]):
        currencies = dict(zip(money, key[1:], strict=True))
        sums = [_sum(apart[key], name, currencies) for name in answer.measures]
        cells = "".join(f'<td class="n">{each}</td>' for each in sums)
        label = text(_label(answer, key))
        yield f'<tr><th scope="row" colspan="{len(answer.by)}">{label}</th>{cells}</tr>\n'
    yield "</tfoot>\n"


def _label(answer: Answer, key: Group) -> str:
    names = list(dict.fromkeys(str(each) for each in key if each is not None))
    if len(key) > 1 and not any(key[1:]):
        names.append("without a currency")
    what = " of the rows shown" if answer.is_cut else ""
    return " ".join([f"Sum{what}", *names])


def _sum(rows: Sequence[Row], measure: str, currencies: Mapping[str, str | None]) -> str:
    values = [row[measure] for row in rows if row[measure] is not None]
    if measure not in MONEY:
        return count(sum(values))
    currency = currencies[measure]
    return shown(total(values), currency, values) if values and currency else ""
