"""What a report was asked and what it answered."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from functools import cached_property
from typing import Any

import tillroll
from tillroll.cli.output.amounts import Row

# Sums of money have up to 38 digits: nothing is rounded, and what would be is an error.
EXACT = Context(prec=100, traps=[Inexact])
MONEY = ("sales", "earnings")

# The cells of a row's groups.
Group = tuple[Any, ...]


def total(amounts: Sequence[Decimal]) -> Decimal:
    """The exact sum of amounts in one currency."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def paid_out(
    db: tillroll.Db, by: Sequence[str], measures: Sequence[str], where: Mapping[str, Any]
) -> dict[Group, str | None]:
    """The currency that each group of a report is paid out in, where its columns do not tell.

    The engine answers only where what a group earned is in one currency. `where` has all that narrows the
    groups down and makes them, and neither an order nor a limit.
    """
    if "earnings" not in measures or "earnings_currency" in by:
        return {}
    apart = db.sales.report(by=[*by, "earnings_currency"], measures=["earnings"], **where)
    return {group(row, by): row["earnings_currency"] for row in apart if row["earnings"]}


def group(row: Row, by: Sequence[str]) -> Group:
    """What tells a row from the others."""
    return tuple(row[name] for name in by)


@dataclass(frozen=True)
class Answer:
    """A report with the question."""

    table: tillroll.Table
    by: Sequence[str]
    measures: Sequence[str]
    # What was given to narrow it down, and with it the limit and what makes the groups.
    where: Mapping[str, Any] = field(default_factory=dict)
    database: str = ""
    # What each group is paid out in, where no column says.
    paid: Mapping[Group, str | None] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[Row]:
        """All rows."""
        return list(self.table)

    @property
    def is_cut(self) -> bool:
        """Whether there may be more rows than the limit lets through."""
        limit = self.where.get("limit")
        return limit is not None and len(self.rows) >= limit

    def pinned(self, name: str = "currency") -> str | None:
        """The one currency that was asked for, if there is one."""
        only = set(self.where.get(name) or [])
        return str(only.pop()) if len(only) == 1 else None

    def currency(self, row: Row, measure: str) -> str | None:
        """The currency of an amount; None where it is not known."""
        of_sale: str | None = row.get("currency", self.pinned())
        if measure == "sales":
            return of_sale
        if "earnings_currency" in row:
            named: str | None = row["earnings_currency"]
            return named
        pinned = self.pinned("earnings_currency")
        if pinned:
            return pinned
        paid = self.paid.get(group(row, self.by))
        # Where nothing was earned, nothing is in any currency: it stands with what was sold beside it.
        return paid or self._usually_paid.get(_sold(row), of_sale)

    @cached_property
    def _usually_paid(self) -> dict[Group, str | None]:
        """What sales of a kind in a currency are paid out in; None where it is several currencies."""
        found: dict[Group, set[str | None]] = defaultdict(set)
        for row in self.rows:
            paid = self.paid.get(group(row, self.by))
            if paid:
                found[_sold(row)].add(paid)
        return {sold: paid.pop() if len(paid) == 1 else None for sold, paid in found.items()}


def _sold(row: Row) -> Group:
    return row.get("kind"), row.get("currency")
