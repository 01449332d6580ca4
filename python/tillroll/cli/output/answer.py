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


def total(amounts: Sequence[Decimal]) -> Decimal:
    """The exact sum of amounts in one currency."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def paid_out(
    db: tillroll.Db, by: Sequence[str], measures: Sequence[str], where: Mapping[str, Any]
) -> dict[str | None, frozenset[str | None]]:
    """The currencies that sales in each currency are paid out in, where a report's columns do not tell."""
    if "earnings" not in measures or "earnings_currency" in by:
        return {}
    apart = [name for name in ("kind", "currency") if name in by] + ["earnings_currency"]
    found: dict[str | None, set[str | None]] = defaultdict(set)
    for row in db.sales.report(by=apart, measures=["earnings"], **where):
        if row["earnings"]:
            found[row.get("currency")].add(row["earnings_currency"])
    return {of_sale: frozenset(paid) for of_sale, paid in found.items()}


@dataclass(frozen=True)
class Answer:
    """A report with the question."""

    table: tillroll.Table
    by: Sequence[str]
    measures: Sequence[str]
    # What was given to narrow it down.
    where: Mapping[str, Any] = field(default_factory=dict)
    database: str = ""
    # What is paid out for sales in each currency, where no column says.
    paid: Mapping[str | None, frozenset[str | None]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[Row]:
        """All rows."""
        return list(self.table)

    def pinned(self, name: str = "currency") -> str | None:
        """The one currency that was asked for, if there is one."""
        only = self.where.get(name) or []
        return str(only[0]) if len(only) == 1 else None

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
        paid = self.paid.get(row.get("currency"), frozenset([of_sale]))
        return next(iter(paid)) if len(paid) == 1 else None

    def is_unknown(self, row: Row) -> bool:
        """Whether a row earned something in a currency that no column tells."""
        return bool(row.get("earnings")) and self.currency(row, "earnings") is None
