"""Numbers as people read them: thousands apart, and as many decimals as the currency and the amounts need."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tillroll.cli.text import count, plain

Row = Mapping[str, Any]

# Currencies without cents.
WHOLE = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"}
    | {"PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
CENTS = 2


def decimals(amount: Decimal) -> int:
    """How many decimals an amount needs."""
    # By its digits: arithmetic would round what has more than 28 of them.
    return len(f"{amount:f}".partition(".")[2].rstrip("0"))


def shown(amount: Decimal, currency: str | None, beside: Iterable[Decimal] = ()) -> str:
    """An amount outside a table: as many decimals as its currency has, or as it and those beside it need."""
    places = max(_least(currency), decimals(amount), *map(decimals, beside))
    return f"{amount:,.{places}f}"


def _least(currency: str | None) -> int:
    return 0 if currency in WHOLE else CENTS


class Amounts:
    """Shows the cells of a table: in one column and one currency, all with the same number of decimals."""

    def __init__(self, rows: Sequence[Row], currency: str | None = None) -> None:
        self._pinned = currency
        self._decimals: dict[tuple[str, str | None], int] = {}
        for row in rows:
            for name, cell in row.items():
                if isinstance(cell, Decimal):
                    key = (name, self._currency(row, name))
                    self._decimals[key] = max(self._decimals.get(key, _least(key[1])), decimals(cell))

    def cell(self, row: Row, name: str) -> str:
        """A cell as text."""
        cell = row[name]
        if isinstance(cell, Decimal):
            return f"{cell:,.{self._decimals[name, self._currency(row, name)]}f}"
        if isinstance(cell, int) and not isinstance(cell, bool) and name not in IDS:
            return count(cell)
        return plain(cell)

    def _currency(self, row: Row, name: str) -> str | None:
        named = row.get("earnings_currency") if name.startswith("earnings") else None
        currency = named or row.get("currency") or self._pinned
        return str(currency) if currency else None


# Whole numbers that name something and are not counted.
IDS = frozenset(["account", "id", "line", "parent_id", "product", "product_group", "shadowed_by"])
