"""What every engine is asked about sales, in words that belong to none of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

# What a report of Amazon's holds, in its order; generated ones all have the 16 columns of 2018.
COLUMNS = (
    *("marketplace", "country", "invoice_id", "transaction_id", "time", "type", "sku", "title"),
    *("item_name", "item_type", "term", "units", "usage_time", "currency", "sales", "earnings"),
)


def month_of(file: str | Path) -> str:
    """The month that a report's name tells: 2018-03 of `sales_2018_03.gz`."""
    return Path(file).name[6:13].replace("_", "-")


@dataclass(frozen=True)
class Question:
    """A report: sums of `measures` for each group of `by`, of the rows that `where` leaves."""

    name: str
    by: tuple[str, ...]
    measures: tuple[str, ...]
    account: bool = False
    sku: str | None = None
    currency: str | None = None
    start: str | None = None
    end: str | None = None
    # The largest so many by the first measure, or all of them by their group.
    top: int | None = None


def questions(months: list[str]) -> list[Question]:
    """The five reports: of all months, and of ninety days from the middle one on."""
    middle = months[len(months) // 2]
    start = date.fromisoformat(f"{middle}-01")
    end = date.fromordinal(start.toordinal() + 90)
    product = "com.example.app03"
    return [
        Question("earnings by month and currency", ("month", "currency"), ("earnings",)),
        Question("all rows by currency", ("currency",), ("units", "sales", "earnings")),
        Question(
            "country, product and month of one account", ("country", "sku", "month"), ("units",), account=True
        ),
        Question(
            "top 20 products of 90 days in one currency",
            ("sku",),
            ("earnings",),
            currency="USD",
            start=str(start),
            end=str(end),
            top=20,
        ),
        Question("one product by day", ("day",), ("units",), sku=product),
    ]


def plain(value: object) -> str:
    """A value as every engine can write it: days and amounts have one form."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(int(value)) if value == int(value) else f"{value:.6f}"
    return str(value)


def digest(rows: list[tuple], *, ordered: bool) -> list[object]:
    """How many rows there are, and what they say; where nothing orders them, in the order of their text."""
    texts = [repr(tuple(plain(value) for value in row)) for row in rows]
    texts = texts if ordered else sorted(texts)
    return [len(texts), hashlib.sha256("\n".join(texts).encode()).hexdigest()]
