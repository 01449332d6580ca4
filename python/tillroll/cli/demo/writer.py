"""Writes the demo's reports: the same bytes on every run.

Nothing in them comes from a clock, an order of hashes or the machine: one generator of numbers that Python
promises never to change, whole numbers, and a gzip header without time and system. (Another deflate than that
of zlib packs the same text into other bytes.)
"""

import csv
import hashlib
import io
import zlib
from bisect import bisect
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random

from tillroll.cli.demo.world import MARKETS, PUBLISHERS, YEAR, Market, Offer, Publisher

SEED = 2025

HEADER = (
    "Marketplace,Country/Region Code,Invoice ID,Transaction ID,Transaction Time,Transaction Type,Vendor SKU,"
    "Title,Item Name,Item Type,In-App Subscription Term,Units,Usage Time for Underground Apps,"
    "Marketplace Currency,Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)\n"
)

TIME, UNITS, PRICE = 4, 11, 14

# Percent of an ordinary month and day: it grows, December is strong, and people buy at the end of the week.
MONTHS = (100, 101, 104, 106, 109, 112, 110, 114, 119, 125, 141, 168)
WEEKDAYS = (92, 90, 91, 95, 108, 122, 116)

REFUNDED_PERCENT = 2
REFUND_DAYS = 9

CLOCK = [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(24 * 60)]
SECONDS = [f"{second:02}" for second in range(60)]


@dataclass(frozen=True)
class Report:
    """A report that was written."""

    path: Path
    rows: int
    bytes: int


@dataclass(frozen=True)
class Sold:
    """One way of buying one thing: everything about a row but when and by whom."""

    # Marketplace and country; what stands behind the time of a charge; the same of its refund.
    before: str
    charge: str
    refund: str
    is_paid: bool
    weight: int


def paths(folder: Path) -> list[Path]:
    """All files that `write` makes."""
    return [_path(folder, publisher, month) for publisher in PUBLISHERS for month in range(1, 13)]


def write(folder: Path) -> Iterator[Report]:
    """Writes all reports under a directory, one at a time."""
    for publisher in PUBLISHERS:
        for month, lines in enumerate(months(publisher), 1):
            path = _path(folder, publisher, month)
            path.parent.mkdir(parents=True, exist_ok=True)
            packed = gzip((HEADER + "".join(lines)).encode())
            path.write_bytes(packed)
            yield Report(path, len(lines), len(packed))


def _path(folder: Path, publisher: Publisher, month: int) -> Path:
    return folder / publisher.folder / f"sales_{YEAR}_{month:02}.gz"


def gzip(content: bytes) -> bytes:
    """Packs bytes with a header that tells neither time nor system."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(content) + deflate.flush()
    ends = zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + body + ends


def months(publisher: Publisher) -> Iterator[list[str]]:
    """A publisher's rows, a month at a time and by time within it."""
    rng = Random(SEED + publisher.purchases)
    ways = list(_ways(publisher))
    weights = list(accumulate(way.weight for way in ways))
    refunds: dict[date, list[tuple[int, str]]] = defaultdict(list)
    for month, days in enumerate(_days(publisher), 1):
        rows: list[tuple[int, str]] = []
        for day, purchases in days:
            of_day = refunds.pop(day, [])
            for _ in range(purchases):
                of_day.append(_purchase(rng, day, ways[bisect(weights, rng.random() * weights[-1])], refunds))
            of_day.sort()
            rows += of_day
        lines = [line for _, line in rows]
        if month % 2 == 0:
            _spoil(lines, month // 2 - 1, date(YEAR, month, 3), publisher)
        yield lines


def _days(publisher: Publisher) -> Iterator[list[tuple[date, int]]]:
    """How many purchases there are each day; over the year exactly as many as the publisher has."""
    days = [date(YEAR, 1, 1) + timedelta(days=day) for day in range(365)]
    weights = [MONTHS[day.month - 1] * WEEKDAYS[day.weekday()] for day in days]
    upto = [weight * publisher.purchases // sum(weights) for weight in accumulate(weights)]
    counts = [later - earlier for earlier, later in zip([0, *upto], upto, strict=False)]
    first = 0
    for month in range(1, 13):
        last = first + monthrange(YEAR, month)[1]
        yield list(zip(days[first:last], counts[first:last], strict=True))
        first = last


def _ways(publisher: Publisher) -> Iterator[Sold]:
    for offer in publisher.offers:
        for market in MARKETS:
            for place, country in enumerate(market.countries):
                # Most buyers live in the market's first country, and nearly all take one.
                weight = offer.weight * market.weight * (2 if place else 30)
                weight *= 3 if country == offer.home else 1
                for units in range(1, offer.most_units() + 1):
                    often = weight * (30 if units == 1 else 1)
                    yield _way(publisher, offer, market, country, units, often)


def _way(publisher: Publisher, offer: Offer, market: Market, country: str, units: int, weight: int) -> Sold:
    price, least = market.price(offer.step, units)
    earned = (least * publisher.share + 50) // 100
    thing = [offer.sku, offer.title, offer.item, offer.type, offer.term, units, "", market.currency, price]
    return Sold(
        before=f"{market.name},{country},",
        charge=f",Charge,{_csv([*thing, market.amount(earned)])}",
        # As the store writes them: only the earnings of a refund are negative.
        refund=f",Refund,{_csv([*thing, market.amount(-earned)])}",
        is_paid=least > 0,
        weight=weight,
    )


def _csv(cells: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _purchase(
    rng: Random, day: date, way: Sold, refunds: dict[date, list[tuple[int, str]]]
) -> tuple[int, str]:
    """A charge and when it was; it may be refunded some days later, under the same transaction id."""
    # Two dice make an evening peak.
    second = (int(43_200 * (rng.random() + rng.random())) + 25_200) % 86_400
    id_ = str(100_000_000_000_000_000 + int(rng.random() * 900_000_000_000_000_000))
    start = f"{way.before}{hashlib.sha1(id_.encode(), usedforsecurity=False).hexdigest()},{id_},"
    clock = CLOCK[second // 60] + SECONDS[second % 60]
    if way.is_paid and rng.random() * 100 < REFUNDED_PERCENT:
        later = day + timedelta(days=1 + int(rng.random() * REFUND_DAYS))
        refunds[later].append((second, f"{start}{later} {clock}{way.refund}"))
    return second, f"{start}{day} {clock}{way.charge}"


def _spoil(lines: list[str], at: int, day: date, publisher: Publisher) -> None:
    """Puts a row among the others that cannot be read, each time with another fault of real reports."""
    offer, market = publisher.offers[-1], MARKETS[at % 4]
    id_ = 100_000_000_000_000_000 + publisher.purchases * 1000 + at
    price, _ = market.price(offer.step, 1)
    time = f"{day} 09:12:{at:02}"
    cells = [market.name, market.countries[0], "", id_, time, "Charge", offer.sku, offer.title, ""]
    cells += [offer.type, "", "1", "", market.currency, price, price]
    match at % 4:
        case 0:
            cells[UNITS] = "one"
        case 1:
            cells[PRICE] = f"{price.replace('.', ',')} EUR"
        case 2:
            cells[TIME] = f"{YEAR}-02-30 09:12:44"
        case _:
            del cells[UNITS:]
    lines.insert(1000 + 317 * at, _csv(cells))
