"""What of a report is worth a chart: its sums over time, and the groups with the largest sums."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tillroll.cli.output.amounts import Row, decimals, shown
from tillroll.cli.output.answer import MONEY, Answer, total
from tillroll.cli.output.page.markup import END, ISOLATED, listed, words
from tillroll.cli.output.page.times import TIMES, named, place
from tillroll.cli.text import count, plain, printable

CURRENCIES = ("currency", "earnings_currency")
TOP = 10
# A page with more would not be looked at.
MOST = 12


@dataclass(frozen=True)
class Point:
    """One bar."""

    name: str
    # Its place on the axis of time, or its rank.
    at: int
    amount: Decimal
    said: str


@dataclass(frozen=True)
class Series:
    """One chart's numbers, all in one unit."""

    title: str
    points: Sequence[Point]
    # What its axis counts, of a series over time.
    time: str | None = None
    note: str = ""


def drawn(answer: Answer) -> tuple[list[Series], int]:
    """What to draw, and how many there would be."""
    found = list(_all(answer))
    return found[:MOST], len(found)


def _all(answer: Answer) -> Iterator[Series]:
    time = next((name for name in TIMES if name in answer.by), None)
    for measure in answer.measures:
        for currency, rows in _by_currency(answer, measure):
            unit = words(measure).capitalize() + (f" in {printable(currency)}" if currency else "")
            if time:
                yield from _over_time(unit, time, measure, currency, rows)
            groups = _groups(answer, measure, bool(time))
            if groups:
                yield from _largest(unit, groups, measure, currency, rows)


def _groups(answer: Answer, measure: str, has_time: bool) -> list[str]:
    """The columns whose values are worth comparing in one chart."""
    others = [name for name in answer.by if name not in (*TIMES, *CURRENCIES)]
    if others or has_time or measure in MONEY:
        return others
    # Counts can be compared, and added, across currencies.
    return list(answer.by)


def _by_currency(answer: Answer, measure: str) -> list[tuple[str | None, list[Row]]]:
    """A measure's rows, apart by what may not be added; first where the most is counted."""
    rows = [row for row in answer.rows if row[measure] is not None]
    if measure not in MONEY:
        return [(None, rows)]
    apart: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        apart[answer.currency(row, measure)].append(row)
    known = [(currency, rows) for currency, rows in apart.items() if currency is not None]
    counts = [name for name in answer.measures if name not in MONEY]
    return sorted(known, key=lambda each: -sum(row[counts[0]] or 0 if counts else 1 for row in each[1]))


def _over_time(
    unit: str, time: str, measure: str, currency: str | None, rows: Sequence[Row]
) -> Iterator[Series]:
    sums: dict[date, list[Decimal]] = defaultdict(list)
    for row in rows:
        if row[time] is not None:
            sums[row[time]].append(Decimal(row[measure]))
    said = _sayer([total(amounts) for amounts in sums.values()], measure, currency)
    points = [
        Point(named(day, time), place(day, time), total(amounts), said(total(amounts)))
        for day, amounts in sorted(sums.items())
    ]
    if len(points) > 1 and any(point.amount for point in points):
        yield Series(f"{unit} by {time}", points, time)


def _largest(
    unit: str, groups: Sequence[str], measure: str, currency: str | None, rows: Sequence[Row]
) -> Iterator[Series]:
    sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(list)
    for row in rows:
        sums[tuple(row[name] for name in groups)].append(Decimal(row[measure]))
    totals = {key: total(amounts) for key, amounts in sums.items()}
    top = sorted(totals, key=lambda key: -totals[key])[:TOP]
    said = _sayer([totals[key] for key in top], measure, currency)
    points = [Point(_label(key), rank, totals[key], said(totals[key])) for rank, key in enumerate(top)]
    if len(points) > 1 and any(point.amount for point in points):
        note = f"the {TOP} largest of {count(len(totals))}" if len(totals) > TOP else ""
        by = listed([words(name) for name in groups])
        yield Series(f"{unit} by {by}", points, note=note)


def _label(key: Sequence[Any]) -> str:
    cells = ["(none)" if cell in (None, "") else printable(plain(cell)) for cell in key]
    return " · ".join(f"{ISOLATED}{cell}{END}" for cell in cells)


def _sayer(all_: Sequence[Decimal], measure: str, currency: str | None) -> Callable[[Decimal], str]:
    """How amounts of one chart are said: with the same number of decimals."""
    most = max(map(decimals, all_), default=0)
    finest = [amount for amount in all_ if decimals(amount) == most][:1]
    return lambda amount: shown(amount, currency, finest) if measure in MONEY else f"{amount:,f}"
