"""Who sells what and where in the demo: two invented publishers at the Amazon Appstore."""

from collections.abc import Iterator
from dataclasses import dataclass

YEAR = 2025

# What an item costs, by currency, for each step of the ladder of prices; in yen there are no cents.
LADDER = {
    "USD": "0.99 1.99 2.99 4.99 9.99 19.99 29.99",
    "EUR": "0.99 1.99 2.99 4.99 9.99 19.99 29.99",
    "GBP": "0.79 1.69 2.49 4.49 8.99 17.99 26.99",
    "JPY": "160 300 450 750 1500 3000 4500",
    "INR": "85.00 169.00 249.00 419.00 839.00 1679.00 2499.00",
    "AUD": "1.49 2.99 4.49 7.99 14.99 29.99 44.99",
    "BRL": "4.90 9.90 14.90 24.90 49.90 99.90 149.90",
    "CAD": "1.39 2.79 3.99 6.99 13.99 27.99 39.99",
    "MXN": "19.00 39.00 55.00 95.00 189.00 379.00 569.00",
    "SEK": "12.00 23.00 35.00 59.00 119.00 229.00 349.00",
    "PLN": "4.99 8.99 12.99 21.99 44.99 89.99 134.99",
    "TRY": "34.99 69.99 99.99 169.99 339.99 679.99 999.99",
    "SGD": "1.48 2.98 4.48 6.98 14.98 28.98 44.98",
    "AED": "3.99 7.99 10.99 17.99 36.99 74.99 109.99",
}


@dataclass(frozen=True)
class Market:
    """A marketplace, and where its buyers live: the first country has most of them."""

    name: str
    currency: str
    countries: tuple[str, ...]
    weight: int

    def price(self, step: int | None, units: int) -> tuple[str, int]:
        """What so many units cost: as a report writes it, and in the currency's smallest unit."""
        single = LADDER[self.currency].split()[step] if step is not None else "0"
        least = int(single.replace(".", "")) * units
        return self.amount(least), least

    def amount(self, least: int) -> str:
        """So much of the currency's smallest unit, as a report writes it."""
        sign, least = ("-" if least < 0 else ""), abs(least)
        if self.currency == "JPY":
            return f"{sign}{least}"
        return f"{sign}{least // 100}.{least % 100:02}"


MARKETS = (
    Market("Amazon.com", "USD", ("US", "PR", "PH"), 380),
    Market("Amazon.de", "EUR", ("DE", "AT", "CH"), 130),
    Market("Amazon.co.jp", "JPY", ("JP",), 110),
    Market("Amazon.co.uk", "GBP", ("GB", "IE"), 100),
    Market("Amazon.fr", "EUR", ("FR", "BE"), 50),
    Market("Amazon.in", "INR", ("IN",), 45),
    Market("Amazon.it", "EUR", ("IT",), 35),
    Market("Amazon.ca", "CAD", ("CA",), 35),
    Market("Amazon.es", "EUR", ("ES", "PT"), 30),
    Market("Amazon.com.br", "BRL", ("BR",), 25),
    Market("Amazon.com.au", "AUD", ("AU", "NZ"), 25),
    Market("Amazon.com.mx", "MXN", ("MX",), 15),
    Market("Amazon.se", "SEK", ("SE",), 6),
    Market("Amazon.pl", "PLN", ("PL",), 6),
    Market("Amazon.com.tr", "TRY", ("TR",), 4),
    Market("Amazon.sg", "SGD", ("SG",), 2),
    Market("Amazon.ae", "AED", ("AE",), 2),
)


@dataclass(frozen=True)
class Offer:
    """Something that is sold: an app, or an item within one."""

    sku: str
    title: str
    item: str
    type: str
    term: str
    step: int | None
    weight: int
    # Where it sells three times as well as elsewhere.
    home: str = ""

    def most_units(self) -> int:
        """How many are bought at once at most."""
        return 3 if self.type == "Consumable" else 1


def app(sku: str, title: str, step: int | None, weight: int, home: str = "") -> Offer:
    """An app; without a price it is free."""
    return Offer(sku, title, "", "App", "", step, weight, home)


def item(of: Offer, sku: str, name: str, type_: str, step: int, weight: int) -> Offer:
    """An item within an app."""
    return Offer(f"{of.sku}.{sku}", of.title, name, type_, "", step, weight, of.home)


def plan(of: Offer, sku: str, name: str, term: str, step: int, weight: int) -> Offer:
    """A subscription within an app."""
    return Offer(f"{of.sku}.{sku}", of.title, name, "Subscription", term, step, weight, of.home)


@dataclass(frozen=True)
class Publisher:
    """An account: what it sells, how many purchases a year, and what part of a price it gets in percent."""

    nickname: str
    folder: str
    purchases: int
    share: int
    offers: tuple[Offer, ...]


def _games() -> Iterator[Offer]:
    chess = app("lantern.chess", "Chess, Checkers & More", None, 300)
    yield chess
    yield item(chess, "coins", "100 Gold Coins", "Consumable", 0, 150)
    yield item(chess, "board", 'The "Golden" Board', "Entitlement", 3, 30)
    yield plan(chess, "club", "Chess Club", "1 Month", 3, 60)
    sudoku = app("lantern.sudoku", "数独パズル", None, 150, "JP")
    yield sudoku
    yield item(sudoku, "hints", "ヒント10個", "Consumable", 1, 70)
    yield plan(sudoku, "year", "年間パス", "1 Year", 5, 14)
    forest = app("lantern.forest", "마법의 숲", None, 110)
    yield forest
    yield item(forest, "gems", "보석 500개", "Consumable", 4, 36)
    yield app("lantern.words", "Кроссворды дня", 1, 24, "DE")
    yield app("lantern.emile", "Émile et la forêt", 3, 18, "FR")
    yield app("lantern.nights", '"Wordy" Nights', 2, 20, "GB")


def _tools() -> Iterator[Offer]:
    scanner = app("quiet.scanner", "PDF Scanner, Notes & Fax", None, 240)
    yield scanner
    yield plan(scanner, "month", "Scanner Plus", "1 Month", 2, 130)
    yield plan(scanner, "year", "Scanner Plus", "12 Months", 5, 18)
    rain = app("quiet.rain", "Slow Rain: Sounds for Sleep", None, 120)
    yield rain
    yield item(rain, "nights", "Summer Nights, Vol. 2", "Entitlement", 1, 50)
    yield plan(rain, "month", "All Sounds", "1 Month", 3, 55)
    yield app("quiet.clock", "大きな時計", 0, 26, "JP")
    yield app("quiet.notes", "Σημειώσεις", 2, 14, "DE")
    yield app("quiet.planner", "Planner (Pro)", 4, 16)


PUBLISHERS = (
    Publisher("Lantern Games", "lantern-games", 128_000, 70, tuple(_games())),
    Publisher("Quiet Tools", "quiet-tools", 70_000, 80, tuple(_tools())),
)
