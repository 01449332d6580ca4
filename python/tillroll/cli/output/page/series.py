"""What of a report is worth a chart: its sums over time, and the groups with the largest sums."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tillroll.cli.output.amounts import Row, decimals, shown
from tillroll.cli.output.answer import MONEY, Answer, group, total
from tillroll.cli.output.page.markup import END, ISOLATED, listed, words
from tillroll.cli.output.page.times import TIMES, named, place
from tillroll.cli.text import count, plain, printable

# What may not be added, and has charts of its own.
APART = ("kind", "currency", "earnings_currency")
# How many bars a ranking has.
TOP = 10
# How many charts a page has: with more it would not be looked at.
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
    return [make() for make in found[:MOST]], len(found)


def _all(answer: Answer) -> Iterator[Callable[[], Series]]:
    """Every chart that says something; most of them would not be looked at, and are not made."""
    time = next((name for name in TIMES if name in answer.by), None)
    for measure in answer.measures:
        groups = _groups(answer, measure, bool(time))
        for part in _parts(answer, measure, "kind" not in groups):
            if time and not answer.is_cut:
                yield from _over_time(part, time)
            if groups:
                yield from _largest(part, groups, answer.is_cut)


def _groups(answer: Answer, measure: str, has_time: bool) -> list[str]:
    """The columns whose values are worth comparing in one chart."""
    others = [name for name in answer.by if name not in (*TIMES, *APART)]
    if others or has_time:
        return others
    # Kinds can be compared, and counts across currencies too: a bar a row.
    return [name for name in answer.by if measure not in MONEY or name == "kind"]


@dataclass(frozen=True)
class Part:
    """Rows of a report that may be added together."""

    measure: str
    kind: str | None
    currency: str | None
    rows: Sequence[Row]

    @property
    def unit(self) -> str:
        """What is counted, of which kind of reports and in which currency."""
        of = f" of {printable(self.kind)}" if self.kind else ""
        return (
            words(self.measure).capitalize()
            + of
            + (f" in {printable(self.currency)}" if self.currency else "")
        )

    def totals(self, by: Sequence[str]) -> dict[tuple[Any, ...], Decimal]:
        """The sum of each group; nothing where a chart of them would say nothing."""
        sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(list)
        for row in self.rows:
            sums[group(row, by)].append(Decimal(row[self.measure]))
        totals = {key: total(amounts) for key, amounts in sums.items()}
        return totals if len(totals) > 1 and any(totals.values()) else {}


def _parts(answer: Answer, measure: str, by_kind: bool) -> list[Part]:
    """A measure's rows, apart by what may not be added; first where the most is counted.

    Two kinds of reports may tell of the same orders.
    """
    apart: dict[tuple[str | None, str | None], list[Row]] = defaultdict(list)
    for row in answer.rows:
        currency = answer.currency(row, measure) if measure in MONEY else None
        if row[measure] is not None and (currency or measure not in MONEY):
            apart[row.get("kind") if by_kind else None, currency].append(row)
    parts = [Part(measure, *key, rows) for key, rows in apart.items()]
    counts = [name for name in answer.measures if name not in MONEY]
    return sorted(parts, key=lambda part: -sum(row[counts[0]] or 0 if counts else 1 for row in part.rows))


def _over_time(part: Part, time: str) -> Iterator[Callable[[], Series]]:
    totals = {day: amount for (day,), amount in part.totals([time]).items() if day is not None}
    if len(totals) < 2 or not any(totals.values()):
        return

    def make() -> Series:
        said = _sayer(totals.values(), part)
        points = [
            Point(named(day, time), place(day, time), amount, said(amount))
            for day, amount in sorted(totals.items())
        ]
        return Series(f"{part.unit} by {time}", points, time)

    yield make


def _largest(part: Part, groups: Sequence[str], is_cut: bool) -> Iterator[Callable[[], Series]]:
    totals = part.totals(groups)
    # A bar that adds up rows needs all of them.
    if not totals or (is_cut and len(totals) < len(part.rows)):
        return

    def make() -> Series:
        top = sorted(totals, key=lambda key: -totals[key])[:TOP]
        said = _sayer([totals[key] for key in top], part)
        points = [Point(_label(key), rank, totals[key], said(totals[key])) for rank, key in enumerate(top)]
        by = listed([words(name) for name in groups])
        return Series(f"{part.unit} by {by}", points, note=_note(len(totals), is_cut))

    yield make


def _note(found: int, is_cut: bool) -> str:
    if found > TOP:
        return f"the {TOP} largest of {'the ' if is_cut else ''}{count(found)}{' shown' if is_cut else ''}"
    return "of the rows shown" if is_cut else ""


def _label(key: Sequence[Any]) -> str:
    cells = ["(none)" if cell in (None, "") else printable(plain(cell)) for cell in key]
    return " · ".join(f"{ISOLATED}{cell}{END}" for cell in cells)


def _sayer(all_: Collection[Decimal], part: Part) -> Callable[[Decimal], str]:
    """How amounts of one chart are said: with the same number of decimals."""
    most = max(map(decimals, all_), default=0)
    finest = [amount for amount in all_ if decimals(amount) == most][:1]
    return lambda amount: shown(amount, part.currency, finest) if part.measure in MONEY else f"{amount:,f}"
