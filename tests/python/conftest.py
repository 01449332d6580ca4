"""Reports with known contents, and what they add up to by plain Python: Decimal, zoneinfo and dicts."""

import csv
import fcntl
import gzip
import hashlib
import io
import os
import pty
import random
import struct
import subprocess
import sys
import termios
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import tillroll

HEADER_2018 = [
    "Marketplace",
    "Country/Region Code",
    "Invoice ID",
    "Transaction ID",
    "Transaction Time",
    "Transaction Type",
    "Vendor SKU",
    "Title",
    "Item Name",
    "Item Type",
    "In-App Subscription Term",
    "Units",
    "Usage Time for Underground Apps",
    "Marketplace Currency",
    "Sales Price (Marketplace Currency)",
    "Estimated Earnings (Marketplace Currency)",
]

# Name, zone, currency, decimals of a price, countries of buyers.
MARKETS = [
    ("Amazon.com", "America/Los_Angeles", "USD", 2, ["US", "PR"]),
    ("Amazon.de", "Europe/Paris", "EUR", 2, ["DE", "AT"]),
    ("Amazon.co.uk", "Europe/London", "GBP", 2, ["GB"]),
    ("Amazon.co.jp", "Asia/Tokyo", "JPY", 0, ["JP"]),
]
ZONES = {name: ZoneInfo(zone) for name, zone, *_ in MARKETS}

PRODUCTS = [
    # SKU, title, item name, item type, term, price
    ("chess", "Chess, Checkers & More", None, "App", None, "0.00"),
    ("chess.coins", "Chess, Checkers & More", '100 "Gold" Coins', "In-App Item", None, "0.99"),
    ("chess.pro", "Chess, Checkers & More", "Pro", "Subscription", "1 Month", "4.49"),
    ("sudoku", "数独パズル", None, "App", None, "2.99"),
]


@dataclass
class Row:
    """One row of a report, as it is written."""

    marketplace: str
    country: str
    transaction: str
    local: datetime
    type: str
    sku: str
    title: str
    item_name: str | None
    item_type: str
    term: str | None
    units: str
    currency: str
    price: str
    earnings: str
    extra: dict[str, str] = field(default_factory=dict)

    def cells(self) -> list[str]:
        """The fields in the order of the header of 2018."""
        invoice = hashlib.sha1(self.transaction.encode()).hexdigest()
        time = self.local.strftime("%Y-%m-%d %H:%M:%S")
        text = [
            self.marketplace,
            self.country,
            invoice,
            self.transaction,
            time,
            self.type,
            self.sku,
            self.title,
        ]
        text += [self.item_name or "", self.item_type, self.term or "", self.units, "", self.currency]
        return [*text, self.price, self.earnings, *self.extra.values()]

    # What the row means.

    @property
    def kind(self) -> str:
        lower = self.type.lower()
        if any(word in lower for word in ("refund", "chargeback", "reversal")):
            return "refund"
        return "charge" if lower == "charge" else "other"

    @property
    def sign(self) -> int:
        if self.kind != "other":
            return -1 if self.kind == "refund" else 1
        deciding = Decimal(self.earnings) or Decimal(self.price)
        return -1 if deciding < 0 else 1

    @property
    def net_units(self) -> int:
        return self.sign * abs(int(self.units))

    @property
    def net_price(self) -> Decimal:
        return self.sign * abs(Decimal(self.price))

    @property
    def net_earnings(self) -> Decimal:
        return self.sign * abs(Decimal(self.earnings))

    @property
    def date(self) -> date:
        return self.local.date()

    @property
    def time(self) -> datetime:
        return self.local.replace(tzinfo=ZONES[self.marketplace]).astimezone(UTC)

    def key(self, by: str) -> Any:
        """The value of a `by` column."""
        starts = {
            "day": self.date,
            "week": self.date - timedelta(days=self.date.weekday()),
            "month": self.date.replace(day=1),
            "quarter": self.date.replace(month=(self.date.month - 1) // 3 * 3 + 1, day=1),
            "year": self.date.replace(month=1, day=1),
        }
        plain = {"type": self.kind, "store": "amazon", "kind": "amazon-sales"}
        return starts.get(by) or plain.get(by) or getattr(self, by)


class Reports:
    """Makes rows, writes them, and adds them up."""

    header = HEADER_2018

    def rows(self, count: int, year: int, month: int, seed: int = 1) -> list[Row]:
        """Random rows of one month: charges, refunds of both spellings, free installs, one foreign type."""
        rng = random.Random(f"{seed} {year} {month}")
        rows: list[Row] = []
        for index in range(count):
            rows.append(
                self._refund(rng, rows) or self._charge(rng, year, month, f"{seed}{year}{month:02}{index:06}")
            )
        return rows

    def _charge(self, rng: random.Random, year: int, month: int, transaction: str) -> Row:
        name, _, currency, decimals, countries = rng.choice(MARKETS)
        sku, title, item, item_type, term, price = rng.choice(PRODUCTS)
        local = datetime(year, month, 1) + timedelta(seconds=rng.randrange(28 * 86_400))
        units = rng.choice([1, 1, 1, 2, 5])
        total = Decimal(price) * units if decimals else (Decimal(price) * 100 * units).quantize(Decimal(1))
        earnings = (total * Decimal("0.7")).quantize(Decimal(1).scaleb(-decimals - rng.choice([0, 2])))
        type_ = "Charge" if rng.random() < 0.97 else "Adjustment"
        texts = (str(units), currency, str(total), str(earnings))
        return Row(
            name, rng.choice(countries), transaction, local, type_, sku, title, item, item_type, term, *texts
        )

    def _refund(self, rng: random.Random, rows: list[Row]) -> Row | None:
        if not rows or rng.random() > 0.1:
            return None
        of = rng.choice(rows)
        if of.kind != "charge":
            return None
        # Some reports write a refund with positive amounts, some with negative ones.
        minus = rng.choice(["", "-"])
        amounts = {
            "units": f"{minus}{of.units}",
            "price": f"{minus}{of.price}",
            "earnings": f"-{of.earnings}",
        }
        return Row(**{**of.__dict__, "type": rng.choice(["Refund", "Refund - Chargeback"]), **amounts})

    def text(self, rows: list[Row]) -> str:
        """The report as CSV."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*HEADER_2018, *(rows[0].extra if rows else ())])
        writer.writerows(row.cells() for row in rows)
        return out.getvalue()

    def write(self, path: Path, rows: list[Row]) -> Path:
        """Writes a report; the extension decides the container."""
        return self.pack(path, self.text(rows).encode())

    def pack(self, path: Path, content: bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(content, compresslevel=1, mtime=0))
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(path.with_suffix(".csv").name, content)
        else:
            path.write_bytes(content)
        return path

    def sums(self, rows: list[Row], by: list[str], measures: list[str]) -> list[dict[str, Any]]:
        """What a report must answer, sorted by its `by` columns: text by bytes, nulls last."""
        groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in rows:
            groups[tuple(row.key(column) for column in by)].append(row)

        def order(key: tuple[Any, ...]) -> list[Any]:
            return [(cell is None, cell.encode() if isinstance(cell, str) else cell or 0) for cell in key]

        def line(key: tuple[Any, ...]) -> dict[str, Any]:
            sums = {measure: self.measure(groups[key], measure) for measure in measures}
            return dict(zip(by, key, strict=True)) | sums

        return [line(key) for key in sorted(groups, key=order)]

    def measure(self, rows: list[Row], measure: str) -> Any:
        refunds = [row for row in rows if row.kind == "refund"]
        return {
            "units": sum(row.net_units for row in rows),
            "all_units": sum(row.net_units for row in rows),
            "refund_units": -sum(row.net_units for row in refunds),
            "gross_units": sum(row.net_units for row in rows if row.kind != "refund"),
            "sales": sum((row.net_price for row in rows), Decimal(0)),
            "earnings": sum((row.net_earnings for row in rows), Decimal(0)),
            "rows": len(rows),
        }[measure]


@pytest.fixture(scope="session")
def reports() -> Reports:
    return Reports()


@pytest.fixture
def named(tmp_path, reports):
    """Makes a database on disk in which a row has each of these titles, and an account that nickname."""

    def make(name: str, titles: list[str], nickname: str) -> Path:
        rows = reports.rows(len(titles), 2018, 3)
        for row, title in zip(rows, titles, strict=True):
            row.title, row.type, row.units = title, "Charge", "1"
        with tillroll.open(tmp_path / name) as db:
            account = db.external_accounts.create(nickname=nickname, store="amazon")
            db.sales.import_reports(reports.write(tmp_path / "sales_2018_03.gz", rows), account=account)
        return tmp_path / name

    return make


@pytest.fixture
def db(tmp_path):
    with tillroll.open(tmp_path / "shop.till") as db:
        yield db


@pytest.fixture
def account(db):
    return db.external_accounts.create(nickname="Amazon apps", store="amazon")


@dataclass
class Shop:
    """A database that nobody changes, and the rows that were put into it."""

    db: tillroll.Db
    account: tillroll.Record
    rows: list[Row]
    paths: list[Path]


@pytest.fixture(scope="session")
def shop(tmp_path_factory, reports):
    folder = tmp_path_factory.mktemp("shop")
    months = [(2017, 12), (2018, 1), (2018, 2), (2018, 3)]
    parts = [reports.rows(400, year, month) for year, month in months]
    for row in parts[3]:
        row.extra["Device Type"] = "Fire TV" if row.sku == "chess" else ""
    paths = [
        reports.write(folder / f"sales_{year}_{month:02}.{suffix}", rows)
        for (year, month), rows, suffix in zip(months, parts, ["gz", "zip", "csv", "gz"], strict=True)
    ]
    with tillroll.open(folder / "shop.till") as db:
        account = db.external_accounts.create(nickname="Amazon apps", store="amazon")
        done = db.sales.import_reports(paths, account=account.id)
        assert (done.files, done.rows, done.rejected) == (4, 1600, 0)
        yield Shop(db, account, list(chain(*parts)), paths)


@pytest.fixture(scope="session")
def large(tmp_path_factory, reports):
    """Reports of 120,000 rows that take seconds to read; ids repeat, as they may."""
    folder = tmp_path_factory.mktemp("large")
    header, body = reports.text(reports.rows(2_000, 2018, 1)).split("\n", 1)
    paths = []
    for month in range(1, 9):
        text = header + "\n" + body.replace("2018-01-", f"2018-{month:02}-") * 60
        paths.append(reports.pack(folder / f"sales_2018_{month:02}.gz", text.encode()))
    return paths


SCRIPT = str(Path(sys.executable).parent / "tillroll")


def environment(**changes: str) -> dict[str, str]:
    """The environment without what would decide on colours and widths."""
    decided = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"}
    kept = {name: value for name, value in os.environ.items() if name not in decided}
    return kept | {"TERM": "xterm-256color"} | changes


class CommandLine:
    """The command `tillroll`, as it is installed."""

    script = SCRIPT

    def __call__(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs it without a terminal."""
        command = [SCRIPT, *map(str, arguments)]
        options = {"capture_output": True, "encoding": "utf-8", "env": environment()} | options
        return subprocess.run(command, timeout=120, check=False, **options)

    def on_terminal(
        self, *arguments: object, columns: int = 80, cwd: Path | None = None, **changes: str
    ) -> tuple[int, str]:
        """Runs it on a terminal; gives the exit code and everything that was written there."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        command = [SCRIPT, *map(str, arguments)]
        with subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**changes), cwd=cwd
        ) as child:
            os.close(theirs)
            written = b"".join(iter(lambda: self._read(ours), b""))
        os.close(ours)
        return child.returncode, written.decode()

    def _read(self, terminal: int) -> bytes:
        try:
            return os.read(terminal, 65_536)
        except OSError:
            # Linux says so when nobody holds the other end any more.
            return b""


@pytest.fixture(scope="session")
def command_line() -> CommandLine:
    return CommandLine()
